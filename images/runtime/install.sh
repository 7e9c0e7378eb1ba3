#!/bin/sh
# Run in the builder's first stage: make the environment of the runtime in /opt/containerflow and
# a pip of its own in /opt/pip. Takes the directory that holds requirements.txt and network/.
set -eu
export DEBIAN_FRONTEND=noninteractive

here=${1:?usage: install.sh DIRECTORY}
export PIP_CONFIG_FILE="$here/network/pip.conf"
python=/opt/containerflow/bin/python

# pip's wheel runs as it is; binutils shrinks what the wheels bring along.
apt-get -qq update
apt-get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends python3-pip-whl binutils

python3 -m venv --without-pip /opt/containerflow
set -- /usr/share/python-wheels/pip-*.whl
PYTHONPATH=$1 $python -m pip install --no-cache-dir --no-compile --target /opt/pip "pip==26.3"
PYTHONPATH=/opt/pip $python -m pip install --no-cache-dir --no-compile --no-deps \
    --only-binary :all: -r "$here/requirements.txt"

cd /opt/containerflow
rm -f bin/activate* bin/Activate* bin/idna
# Debug symbols of compiled extensions: a fifth of the whole.
find . -name '*.so*' -type f -exec strip --strip-debug {} +
# Sources of compiled extensions, type stubs, maps for debugging the page, and the two builds of
# the page that only bundlers use: nothing of it is read at run time.
find lib/python3*/site-packages \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' \
    -o -name '*.pyi' -o -name '*.c' -o -name '*.h' -o -name '*.map' \
    -o -name 'swagger-ui-es-bundle*.js' -o -name swagger-ui.js \) -type f -delete
# Nothing here is ever changed in place, so bytecode need not be checked against its source.
$python -m compileall -q -j 0 --invalidation-mode unchecked-hash lib
