# Makes the runtime's environment, and installs what Executors require. Never runs a Flow.
ARG BASE
FROM ${BASE} AS installer
# By this label the images of this stage are found and removed after the build.
ARG STAGE
LABEL io.containerflow.stage=${STAGE}
COPY install.sh requirements.txt /tmp/build/
# pip's settings and the bundle of certificate authorities of this machine; they end here.
COPY network /tmp/build/network
RUN sh /tmp/build/install.sh /tmp/build

FROM ${BASE}
COPY --from=installer /opt/containerflow /opt/containerflow
COPY --from=installer /opt/pip /opt/pip
COPY install-requirements /usr/local/bin/install-requirements
