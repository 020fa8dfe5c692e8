#!/bin/sh
# Installs the appliance from a bundle, or brings what is installed to what the bundle and the inventory say.
#
#   sh install.sh BUNDLE [PLAYBOOK.yml] [ANSIBLE-PLAYBOOK-OPTIONS ...]
#
# Needs Python 3 and nothing else; asks no network. Lies beside meeshy-installer.pyz, which judges the bundle first:
# a refused bundle changes nothing. docs/install.md says the rest.
set -eu
umask 022
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

[ $# -ge 1 ] || fail "say which bundle: sh install.sh BUNDLE"
[ "$(id -u)" = 0 ] || fail "call it as root"
bundle=$(readlink -f "$1")
shift
[ -f "$bundle" ] || fail "$bundle is no file"
playbook=install.yml
case ${1:-} in
*.yml)
    playbook=$1
    shift
    ;;
esac
here=$(dirname "$(readlink -f "$0")")
installer=${MEESHY_INSTALLER:-$(ls "$here"/meeshy-installer*.pyz 2>/dev/null | tail -n 1)}
[ -f "$installer" ] || fail "meeshy-installer.pyz has to lie beside it, in $here"
judge() { /usr/bin/python3 -I "$installer" "$@"; }

# No change before this line has passed.
judge verify "$bundle"

about=$(judge inspect --json "$bundle")
field() { printf '%s' "$about" | /usr/bin/python3 -I -c "import json, sys; print(json.load(sys.stdin)['$1'])"; }
version=$(field version)
name="$version-$(printf '%s' "$about" | sha256sum | cut -c 1-12)"
unpacked=/opt/meeshy/incoming/$name
if [ -d "$unpacked" ]; then
    judge verify "$unpacked"
else
    judge unpack "$bundle" --to "$unpacked"
fi

control=/opt/meeshy/control/$version
judge environment --bundle "$unpacked" --environment control --to "$control"

inventory=/etc/meeshy/inventory
if [ ! -e "$inventory" ]; then
    mkdir -p /etc/meeshy
    cp -r "$unpacked/product/ansible/inventories/example-single" "$inventory"
    echo "inventory: $inventory, for this machine alone"
fi
mkdir -p -m 0700 /etc/meeshy/site /etc/meeshy/site/secrets /var/log/meeshy

cd "$unpacked/product/ansible"
export ANSIBLE_CONFIG="$PWD/ansible.cfg" ANSIBLE_LOG_PATH=/var/log/meeshy/install.log
given=$(/usr/bin/python3 -I -c 'import json, sys; print(json.dumps(dict(word.split("=", 1) for word in sys.argv[1:])))' \
    "meeshy_bundle=$unpacked" "meeshy_bundle_file=$bundle" "meeshy_installer=$installer" "meeshy_version=$version" \
    "meeshy_built_s=$(field built_s)" "meeshy_release=/opt/meeshy/releases/$version" "meeshy_site=/etc/meeshy/site")
exec "$control/bin/ansible-playbook" --inventory "$inventory" "$playbook" --extra-vars "$given" "$@"
