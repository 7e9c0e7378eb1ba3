# What a Gateway runs, and what every Executor's image stands on.
ARG BASE
ARG BUILDER
FROM ${BUILDER} AS package
COPY containerflow /opt/package/containerflow
RUN /opt/containerflow/bin/python -m compileall -q -j 0 \
        --invalidation-mode unchecked-hash /opt/package

FROM ${BASE}
# The last lines are for a Python slim image: it brings a pip, which the runtime has no use for,
# and a standard library without bytecode, which every start would have to compile.
RUN groupadd --gid 1000 cflow \
    && useradd --uid 1000 --gid 1000 --no-create-home --home-dir /workspace \
        --shell /usr/sbin/nologin cflow \
    && install -d -o 1000 -g 1000 /workspace \
    && install -d /app /opt/executor \
    && rm -rf /var/log/faillog /var/log/lastlog \
    && rm -rf /usr/local/lib/python3.11/ensurepip /usr/local/lib/python3.11/site-packages/* \
        /usr/local/bin/pip* /usr/local/bin/wheel \
    && if [ -d /usr/local/lib/python3.11 ]; then \
        python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash \
            -x '/(tests?|lib2to3)/' /usr/local/lib/python3.11; \
    fi
COPY --from=package /opt/containerflow /opt/containerflow
COPY --from=package /opt/package/containerflow \
    /opt/containerflow/lib/python3.11/site-packages/containerflow
COPY probe /opt/containerflow/bin/probe
# What the Executor requires wins over the runtime's; its own files are found by the runtime.
ENV PATH=/opt/containerflow/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONPATH=/opt/executor/lib/python3.11/site-packages \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    GRPC_ENABLE_FORK_SUPPORT=0
USER 1000:1000
WORKDIR /app
