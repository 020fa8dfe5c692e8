#!/bin/sh
# Installs the appliance from a bundle, brings what is installed to what the bundle and the inventory say, or upgrades.
#
#   sh install.sh BUNDLE [PLAYBOOK.yml] [ANSIBLE-PLAYBOOK-OPTIONS ...]
#   sh install.sh PLAYBOOK.yml [ANSIBLE-PLAYBOOK-OPTIONS ...]      with the bundle that is installed
#
# Needs Python 3 and nothing else; asks no network. Lies beside meeshy-installer.pyz, which judges the bundle first:
# a refused bundle changes nothing. An upgrade that fails is taken back. docs/install.md says the rest.
set -eu
umask 022
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1

incoming=/opt/meeshy/incoming
control=/opt/meeshy/control
inventory=/etc/meeshy/inventory
site=/etc/meeshy/site
note=/var/lib/meeshy/install-state.json
begun=$site/upgrade-begun # what was in force when an upgrade began to change machines; gone once something is installed

fail() {
    echo "install.sh: $*" >&2
    exit 1
}
judge() { /usr/bin/python3 -I "$installer" "$@"; }

# Prints a field of a JSON document, and nothing where the document or the field is missing; fails where it is none.
field() {
    [ ! -e "$1" ] || /usr/bin/python3 -I -c \
        'import json, sys; print(json.load(open(sys.argv[1])).get(sys.argv[2], ""))' "$1" "$2" 2>/dev/null
}

# Runs a playbook of a release by that release's own Ansible, with what install.sh knew when its bundle came.
play() {
    of=$1 book=$2
    shift 2
    (
        cd "$incoming/$of/product/ansible"
        ANSIBLE_CONFIG="$PWD/ansible.cfg" ANSIBLE_LOG_PATH=/var/log/meeshy/install.log \
            exec "$control/$of/bin/ansible-playbook" --inventory "$inventory" "$book" \
            --extra-vars "@$site/runs/$of.json" "$@"
    )
}

# Brings all machines back to a release that is still there: its own playbook says how everything has to be. What that
# release itself would go back to is the second word.
put_back() {
    [ -n "$1" ] || fail "no earlier release is noted: there is nothing to go back to"
    for each in "$incoming/$1" "$control/$1" "$site/runs/$1.json"; do
        [ -e "$each" ] || fail "$1 cannot be put back: $each is gone"
    done
    play "$name" rollback.yml --extra-vars "rollback_to=$1" || fail "$1 cannot be put back; the text above says why"
    # It served on these machines: what preflight finds today is no reason to leave the broken one in force.
    play "$1" install.yml --extra-vars "meeshy_installed=$1 meeshy_previous=$2" || fail "$1 was not put back as a whole; call rollback.yml again"
}

# It only ever goes back as a whole: --check, for one, would have been heeded by half of it.
takes_options() {
    [ "$playbook" != rollback.yml ] || [ $# -eq 0 ] || fail "rollback.yml takes no options; nothing was changed"
}

[ $# -ge 1 ] || fail "say which bundle: sh install.sh BUNDLE"
[ "$(id -u)" = 0 ] || fail "call it as root"

# One at a time, and none while something lives on that a killed one had started: it holds the lock, too.
exec 9>/run/meeshy-install.lock
if ! flock --nonblock 9; then
    echo "install.sh: another installation is at work here; waiting for it, at most ten minutes" >&2
    flock --timeout 600 9 || fail "another installation is still at work"
fi

have=$(field "$note" name) || fail "$note is damaged: docs/install.md says how to write it anew"
[ -d "$control/$have" ] || have=
case $1 in
*.yml)
    name=$have
    [ -n "$name" ] || fail "nothing is installed here: say which bundle"
    installer=$incoming/$name.pyz
    playbook=$1
    shift
    takes_options "$@"
    ;;
*)
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
    takes_options "$@"
    if head -c 4096 "$bundle" | grep -qF meeshy-bundle-part-; then
        fail "$bundle is a part of a bundle: join all parts first, with meeshy-installer's command join"
    fi
    for nested in "$inventory"/*/hosts.yml; do
        [ ! -e "$nested" ] || fail "$nested lies inside another inventory: only one may be in $inventory"
    done
    here=$(dirname "$(readlink -f "$0")")
    installer=${MEESHY_INSTALLER:-$(ls "$here"/meeshy-installer*.pyz 2>/dev/null | sort --version-sort | tail -n 1)}
    [ -f "$installer" ] || fail "meeshy-installer.pyz has to lie beside it, in $here"

    # No change before these lines have passed.
    judge verify "$bundle"
    about=$(judge inspect --json "$bundle")
    of_bundle() { printf '%s' "$about" | /usr/bin/python3 -I -c "import json, sys; print(json.load(sys.stdin)['$1'])"; }
    version=$(of_bundle version)
    name="$version-$(printf '%s' "$about" | sha256sum | cut -c 1-12)"
    case $playbook in
    install.yml | upgrade.yml | preflight.yml) ;;
    *)
        # Most of them bring what the bundle holds: an upgrade with no backup, no gate and no way back.
        [ -z "$have" ] || [ "$have" = "$name" ] || fail "$have is installed: upgrade to $name first, or name no bundle"
        ;;
    esac
    unpacked=$incoming/$name
    [ -d "$unpacked" ] || judge room "$bundle" --waive "${MEESHY_WAIVE:-none}"

    # A folder that something was added to is no reason to stop: the bundle itself is whole.
    if [ -d "$unpacked" ] && ! judge verify "$unpacked"; then
        rm -rf "$unpacked"
    fi
    [ -d "$unpacked" ] || judge unpack "$bundle" --to "$unpacked"
    if ! cmp -s "$installer" "$unpacked.pyz"; then
        cp "$installer" "$unpacked.pyz.coming"
        mv "$unpacked.pyz.coming" "$unpacked.pyz"
    fi
    installer=$unpacked.pyz # the medium may be gone when this release is put back
    judge environment --bundle "$unpacked" --environment control --to "$control/$name"

    mkdir -p "$site/secrets" "$site/runs" /var/log/meeshy
    chmod 0700 "$site" "$site/secrets" "$site/runs" /var/log/meeshy
    if [ ! -e "$inventory" ]; then
        cp -r "$unpacked/product/ansible/inventories/example-single" "$inventory"
        echo "inventory: $inventory, for this machine alone"
    fi
    chmod -R go= "$inventory" # it may hold secrets of the site
    /usr/bin/python3 -I -c 'import json, sys; print(json.dumps(dict(word.split("=", 1) for word in sys.argv[1:])))' \
        "meeshy_bundle=$unpacked" "meeshy_bundle_file=$bundle" "meeshy_installer=$installer" "meeshy_name=$name" \
        "meeshy_version=$version" "meeshy_built_s=$(of_bundle built_s)" "meeshy_release=/opt/meeshy/releases/$name" \
        "meeshy_site=$site" >"$site/runs/$name.json.coming"
    mv "$site/runs/$name.json.coming" "$site/runs/$name.json"
    ;;
esac

# What is in force stays the release to go back to, until another one has proven itself.
previous=$have
[ "$have" != "$name" ] || previous=$(field "$note" previous)
[ "$playbook" != install.yml ] || [ -z "$have" ] || [ "$have" = "$name" ] || playbook=upgrade.yml
if [ -e "$begun" ]; then
    echo "install.sh: an upgrade from $(cat "$begun") was cut off" >&2
fi

case $playbook in
upgrade.yml)
    [ "$have" != "$name" ] || fail "$name is installed already"
    if play "$name" upgrade.yml --extra-vars "meeshy_installed=$have meeshy_previous=$previous" "$@"; then
        exit 0
    fi
    [ "$(field "$note" name)" != "$name" ] || fail "$name is installed and serves; only what came after that has failed"
    # What only looks has begun nothing, whatever an upgrade that was cut off has left.
    for word in "$@"; do
        case $word in --check | -C* | -DC*) fail "the look at $name ended early; nothing was changed" ;; esac
    done
    [ -e "$begun" ] || fail "$name was refused before anything was changed; $have serves as before"
    echo "install.sh: $name has failed; $have is put back" >&2
    put_back "$have" "$(field "$note" previous)"
    fail "$name has failed and was taken back, $have serves again; /var/log/meeshy/install.log says what went wrong"
    ;;
rollback.yml)
    back=$previous before=
    if [ -e "$begun" ]; then
        back=$(cat "$begun")
        [ "$back" != "$(field "$note" name)" ] || before=$(field "$note" previous)
    fi
    put_back "$back" "$before"
    ;;
*)
    play "$name" "$playbook" --extra-vars "meeshy_previous=$previous" "$@"
    ;;
esac
