#!/usr/bin/env bash
# Deploys the site.
source ./lib/common.sh
. "$HOME/.env"

readonly TARGET=/srv/www
RETRIES=3

# Builds everything.
build() {
    local out=$1
    make -C "$out" all
}

function upload {
    rsync -a build/ "$TARGET"
    notify "done"
}

build site && upload
