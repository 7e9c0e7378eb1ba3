#!/bin/sh
# Write a small Debian with Python as a tar archive to standard output; progress goes to standard
# error. For machines that reach Debian's packages and no image registry.
#
#   images/base/debian.sh bookworm | docker import - base
#
# Needs root and debootstrap. CFLOW_DEBIAN_MIRROR names another mirror than debootstrap's own.
set -eu

suite=${1:?usage: debian.sh SUITE}

say() { echo "$*" >&2; }

# Under /var/tmp, because /tmp may be mounted so that no device can be made in it.
root=$(mktemp -d "${TMPDIR:-/var/tmp}/containerflow-base.XXXXXX")
trap 'rm -rf --one-file-system "$root"' EXIT
trap 'exit 130' INT TERM

debootstrap --variant=minbase --include=python3 "$suite" "$root" \
    ${CFLOW_DEBIAN_MIRROR:+"$CFLOW_DEBIAN_MIRROR"} >&2

# debootstrap knows one archive only; security updates live in a second one on the same mirror.
cd "$root"
sed -n "s,^deb \(.*\)/debian $suite main.*,deb \1/debian-security $suite-security main,p" \
    etc/apt/sources.list > etc/apt/sources.list.d/security.list
in_root() { DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot . "$@" >&2; }
if [ -s etc/apt/sources.list.d/security.list ]; then
    say "Applying security updates"
    if in_root apt-get -qq update; then
        in_root apt-get -qq -y -o Dpkg::Use-Pty=0 upgrade
    else
        say "The mirror has no security archive; continuing without it"
        rm etc/apt/sources.list.d/security.list
    fi
fi

say "Removing what no container needs"
# Copyright files stay: the licences ask for it.
find usr/share/doc -mindepth 1 ! -type d ! -name copyright -delete
find usr/share/doc -mindepth 1 -type d -empty -delete
rm -rf usr/share/man/* usr/share/info/* usr/share/locale/* usr/share/lintian usr/share/bug \
    usr/share/menu usr/share/bash-completion usr/share/gdb usr/share/gcc usr/share/pixmaps \
    usr/share/applications var/lib/apt/lists/* var/cache/apt/* var/cache/debconf/*-old \
    var/cache/ldconfig/* var/lib/dpkg/*-old tmp/* var/tmp/* run/*
find var/log -type f -delete
# Bytecode of levels that nobody asks for.
find usr/lib -name '*.opt-[12].pyc' -delete
# Packages that are installed on top leave the same things out.
cat > etc/dpkg/dpkg.cfg.d/small <<'END'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
END
# Names and addresses of the machine that built it.
rm -f etc/hostname etc/resolv.conf etc/machine-id var/lib/dbus/machine-id

say "Packing"
tar --create --numeric-owner --sort=name --exclude='./dev/*' --exclude='./proc/*' \
    --exclude='./sys/*' .
