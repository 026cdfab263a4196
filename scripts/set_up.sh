#!/bin/sh
# The steps behind the Makefile that bring things from outside. Each failure is one sentence that
# says what to do, in Chinese for those who came to see the demo and in English for developers.
set -eu
cd "$(dirname "$0")/.."

fail() { # Chinese sentence, English sentence
    printf '\n%s\n%s\n' "$1" "$2" >&2
    exit 1
}

# Runs a command quietly; on failure shows the end of what it said, then the two sentences.
quietly() { # Chinese, English, command…
    chinese=$1 english=$2
    shift 2
    log=$(mktemp)
    if "$@" >"$log" 2>&1; then
        rm -f "$log"
        return
    fi
    tail -n 5 "$log" >&2
    rm -f "$log"
    fail "$chinese" "$english"
}

find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail "需要 Python 3.11 或更新的版本，请先安装（可用 PYTHON=路径 指定）。" \
        "Python 3.11 or newer is needed: install it, or name it with PYTHON=path."
}

environment() {
    python=$(find_python)
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
        fail "Python 缺少 venv 模块，请先运行：apt install python3-venv" \
            "This Python lacks the venv module: run apt install python3-venv."
    echo "正在准备 Python 环境 / preparing .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
    quietly "下载失败：请检查网络，或先设置好 pip 的镜像。" \
        "The download failed: check the network, or configure a mirror for pip." \
        .venv/bin/python -m pip install --require-hashes --requirement requirements/installer.txt
}

packages() { # lock file
    echo "正在安装 / installing $1"
    use_the_index_of_pip
    quietly "软件包安装失败：请检查网络，或先设置好 pip 的镜像。" \
        "The packages could not be installed: check the network, or configure a mirror for pip." \
        .venv/bin/uv pip install --python .venv/bin/python --compile-bytecode --require-hashes --requirement "$1"
}

# uv reads no configuration of pip, but whoever lives behind a mirror has configured pip.
use_the_index_of_pip() {
    index=${PIP_INDEX_URL:-$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || :)}
    if [ -n "$index" ] && [ -z "${UV_DEFAULT_INDEX:-}" ]; then
        export UV_DEFAULT_INDEX="$index"
    fi
    export UV_SYSTEM_CERTS=1 UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-120}"
}

project() {
    quietly "本项目安装失败。" "The project itself could not be installed." \
        .venv/bin/uv pip install --python .venv/bin/python --offline --no-deps \
        --no-build-isolation --editable .
}

# npm of this machine, else the one that comes as a Python package.
run_npm() { # arguments of npm
    if ! npm --version >/dev/null 2>&1; then
        [ -x .venv/bin/npm ] || packages requirements/node.txt
        PATH="$PWD/.venv/bin:$PATH"
    fi
    quietly "前端文件下载失败：请检查网络，或先设置好 npm 的镜像。" \
        "npm failed: check the network, or configure a mirror for npm." npm "$@"
}

# What the tests need and PyPI cannot bring: a browser with Chinese letters, and, where there is
# no wheel of it, PostgreSQL.
debian() {
    missing=
    [ -n "${CHROMIUM:-}" ] || command -v chromium >/dev/null || missing="$missing chromium"
    has_chinese_letters || missing="$missing fonts-noto-cjk fontconfig"
    .venv/bin/python -m tests.support.postgres >/dev/null 2>&1 || missing="$missing postgresql"
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null; then
        fail "测试还需要：$missing，请先安装。" "The tests also need:$missing; please install them."
    elif [ "$(id -u)" = 0 ]; then
        install_debian
    elif sudo -n true 2>/dev/null; then
        install_debian sudo
    else
        fail "测试还需要系统软件，请运行：sudo apt install$missing" \
            "The tests also need system packages: run sudo apt install$missing."
    fi
}

has_chinese_letters() {
    [ -n "$(fc-list :lang=zh-cn 2>/dev/null)" ]
}

install_debian() { # sudo, or nothing
    echo "正在安装 / installing$missing"
    # shellcheck disable=SC2086  # a list of names
    quietly "系统软件安装失败：请检查网络，或手动运行 apt install$missing" \
        "apt-get failed: check the network, or run apt install$missing yourself." \
        "$@" sh -c "apt-get update && DEBIAN_FRONTEND=noninteractive \
            apt-get install --yes --no-install-recommends $missing"
}

step=$1
shift
case $step in
    environment) environment ;;
    packages) packages "$1" ;;
    project) project ;;
    npm) run_npm "$@" ;;
    debian) debian ;;
    *) fail "没有这一步：$step" "There is no step $step." ;;
esac
