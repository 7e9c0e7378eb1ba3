from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Codec(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CODEC_UNSPECIFIED: _ClassVar[Codec]
    CODEC_JSON: _ClassVar[Codec]
    CODEC_BINARY: _ClassVar[Codec]

class Code(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CODE_OK: _ClassVar[Code]
    CODE_MALFORMED: _ClassVar[Code]
    CODE_NOT_FOUND: _ClassVar[Code]
    CODE_TOO_LARGE: _ClassVar[Code]
    CODE_INVALID: _ClassVar[Code]
    CODE_FAILED: _ClassVar[Code]
    CODE_OVERLOADED: _ClassVar[Code]
    CODE_UNAVAILABLE: _ClassVar[Code]
    CODE_DEADLINE_EXCEEDED: _ClassVar[Code]
    CODE_CANCELLED: _ClassVar[Code]
CODEC_UNSPECIFIED: Codec
CODEC_JSON: Codec
CODEC_BINARY: Codec
CODE_OK: Code
CODE_MALFORMED: Code
CODE_NOT_FOUND: Code
CODE_TOO_LARGE: Code
CODE_INVALID: Code
CODE_FAILED: Code
CODE_OVERLOADED: Code
CODE_UNAVAILABLE: Code
CODE_DEADLINE_EXCEEDED: Code
CODE_CANCELLED: Code

class Part(_message.Message):
    __slots__ = ("source", "codec", "body")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    CODEC_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    source: str
    codec: Codec
    body: bytes
    def __init__(self, source: _Optional[str] = ..., codec: _Optional[_Union[Codec, str]] = ..., body: _Optional[bytes] = ...) -> None: ...

class Request(_message.Message):
    __slots__ = ("id", "request_id", "endpoint", "timeout_ms", "accept", "joined", "parts")
    ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_FIELD_NUMBER: _ClassVar[int]
    JOINED_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    id: int
    request_id: str
    endpoint: str
    timeout_ms: int
    accept: Codec
    joined: bool
    parts: _containers.RepeatedCompositeFieldContainer[Part]
    def __init__(self, id: _Optional[int] = ..., request_id: _Optional[str] = ..., endpoint: _Optional[str] = ..., timeout_ms: _Optional[int] = ..., accept: _Optional[_Union[Codec, str]] = ..., joined: bool = ..., parts: _Optional[_Iterable[_Union[Part, _Mapping]]] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ("message", "executor", "exception", "detail", "refused")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_FIELD_NUMBER: _ClassVar[int]
    EXCEPTION_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    message: str
    executor: str
    exception: str
    detail: bytes
    refused: bool
    def __init__(self, message: _Optional[str] = ..., executor: _Optional[str] = ..., exception: _Optional[str] = ..., detail: _Optional[bytes] = ..., refused: bool = ...) -> None: ...

class Response(_message.Message):
    __slots__ = ("id", "code", "codec", "body", "failure")
    ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    CODEC_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    id: int
    code: Code
    codec: Codec
    body: bytes
    failure: Failure
    def __init__(self, id: _Optional[int] = ..., code: _Optional[_Union[Code, str]] = ..., codec: _Optional[_Union[Codec, str]] = ..., body: _Optional[bytes] = ..., failure: _Optional[_Union[Failure, _Mapping]] = ...) -> None: ...

class Endpoint(_message.Message):
    __slots__ = ("name", "summary", "input_schema", "output_schema", "parameters_schema")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    INPUT_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    name: str
    summary: str
    input_schema: bytes
    output_schema: bytes
    parameters_schema: bytes
    def __init__(self, name: _Optional[str] = ..., summary: _Optional[str] = ..., input_schema: _Optional[bytes] = ..., output_schema: _Optional[bytes] = ..., parameters_schema: _Optional[bytes] = ...) -> None: ...

class DescribeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Description(_message.Message):
    __slots__ = ("name", "endpoints", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ENDPOINTS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    endpoints: _containers.RepeatedCompositeFieldContainer[Endpoint]
    version: str
    def __init__(self, name: _Optional[str] = ..., endpoints: _Optional[_Iterable[_Union[Endpoint, _Mapping]]] = ..., version: _Optional[str] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: int
    def __init__(self, version: _Optional[int] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("version", "description")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    version: int
    description: Description
    def __init__(self, version: _Optional[int] = ..., description: _Optional[_Union[Description, _Mapping]] = ...) -> None: ...

class Cancel(_message.Message):
    __slots__ = ("ids",)
    IDS_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, ids: _Optional[_Iterable[int]] = ...) -> None: ...
