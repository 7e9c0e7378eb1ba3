"""Flows for the tests of the Plan."""

from __future__ import annotations

from typing import Any

from containerflow.flow.spec import FlowSpec
from containerflow.flow.validation import declare_executor, declare_flow
from containerflow.plan.lower import lower
from containerflow.plan.model import Plan, Service

SEARCH = """\
jtype: Flow
version: '1'
with:
  name: search
  env: {LANG: C.UTF-8}
  timeout_ready: 120000
gateway:
  protocol: [http, grpc]
  port: [8080, 0]
  title: Search
  cors: true
  max_request_size: 8M
executors:
  - name: clean
    uses: ./clean
  - name: lexical_index
    uses: lexical/config.yml
    volumes: [index:/workspace, ./stopwords:/data:ro]
    env: {LANG: de_DE.UTF-8, OMP_NUM_THREADS: 2}
    memory: 512M
    cpus: 1.5
  - name: vector
    uses: Vector
    py_modules: [vector.py, parts/tokens.py]
    uses_with: {size: 128, name: "${{ 'quoted' }}"}
    needs: clean
    replicas: 3
    gpus: device=0,1
    timeout_send: 2000
  - name: rank
    uses: docker://acme/rank:2.1
    needs: [lexical_index, vector]
    retries: 0
    timeout_ready: -1
  - name: audit
    volumes: /log
    needs: clean
""".replace("\"${{ 'quoted' }}\"", "\"$${{ 'quoted' }}\"")


def flow(*executors: dict[str, Any], **options: Any) -> FlowSpec:
    """A Flow of options, as Flow(...).add(...) makes it."""
    return declare_flow(options).changed(
        executors=tuple(declare_executor(executor) for executor in executors)
    )


def plan(*executors: dict[str, Any], **options: Any) -> Plan:
    """What it is lowered to."""
    return lower(flow(*executors, **options))


def service(**executor: Any) -> Service:
    """The service of one Executor that is alone in its Flow."""
    return plan(executor).services[1]
