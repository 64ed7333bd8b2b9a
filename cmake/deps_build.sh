#!/usr/bin/env bash
# The recipes: how each third-party library is built from its unpacked source, and nothing else (deps.sh finds, checks
# and unpacks the sources). The prefix in the cache is named after the hash of this file, among others, so a change
# here rebuilds everything.
#
#   deps_build.sh NAME SOURCE_DIR BUILD_DIR PREFIX JOBS
#
# Each library gets a prefix of its own (PREFIX/NAME/{include,lib}), so that a layer sees only the headers it may see.
# Not position independent: every preset links with -no-pie.
set -euo pipefail

name=$1 source=$2 build=$3 prefix=$4/$1 jobs=$5
here=$(cd "$(dirname "$0")" && pwd)

export CC=${H2BOX_DEPS_CC:-gcc}
# -no-pie among the compiler's flags: old CMake policies leave the linker's flags out of configure checks, which then fail
# to link where position independent programs are the default, most of them silently.
flags="-O2 -g0 -ffunction-sections -fdata-sections -fno-pie -no-pie"

# CMAKE_BUILD_TYPE=None: mbedTLS would otherwise add flags of its own.
with_cmake() {
    cmake -G Ninja -S "$source" -B "$build" \
        -DCMAKE_BUILD_TYPE=None -DCMAKE_C_COMPILER="$CC" -DCMAKE_C_FLAGS="$flags ${extra_flags:-}" \
        -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_POSITION_INDEPENDENT_CODE=OFF \
        -DCMAKE_POLICY_VERSION_MINIMUM=3.5 -DBUILD_SHARED_LIBS=OFF "$@"
    cmake --build "$build" -j "$jobs"
    cmake --install "$build"
}

case $name in
mbedtls)
    # The user configuration is installed beside the headers: whoever includes them must define
    # MBEDTLS_USER_CONFIG_FILE the same way, or structures differ.
    mkdir -p "$prefix/include"
    cp "$here/h2box_mbedtls_config.h" "$here"/mbedtls_alt/*.h "$prefix/include/"
    # 3.6 forgets the first of two keys when memory for the second is refused, and the key's place with it.
    sed -i 's/^\( *\)mbedtls_free(\(transform_[a-z]*\));$/\1mbedtls_ssl_transform_free(\2);\n&/' "$source/library/ssl_tls13_keys.c"
    extra_flags="-I$prefix/include -DMBEDTLS_USER_CONFIG_FILE='\"h2box_mbedtls_config.h\"'"
    with_cmake -DENABLE_PROGRAMS=OFF -DENABLE_TESTING=OFF -DGEN_FILES=OFF \
        -DUSE_STATIC_MBEDTLS_LIBRARY=ON -DUSE_SHARED_MBEDTLS_LIBRARY=OFF -DMBEDTLS_FATAL_WARNINGS=OFF
    ;;
libuv1)
    with_cmake -DLIBUV_BUILD_SHARED=OFF -DLIBUV_BUILD_TESTS=OFF -DLIBUV_BUILD_BENCH=OFF
    ;;
zlib)
    # Debian's tarball lacks files that zlib's CMakeLists.txt wants; its configure builds in the source folder.
    cd "$source"
    CFLAGS=$flags ./configure --static --prefix="$prefix"
    make -j "$jobs" libz.a
    mkdir -p "$prefix/include" "$prefix/lib"
    cp zlib.h zconf.h "$prefix/include/"
    cp libz.a "$prefix/lib/"
    ;;
jansson)
    with_cmake -DJANSSON_BUILD_DOCS=OFF -DJANSSON_WITHOUT_TESTS=ON -DJANSSON_EXAMPLES=OFF
    ;;
libxml2)
    # All off but the HTML parser, its push interface and threads.
    off=()
    for part in AUTOMATA C14N CATALOG DEBUG DOCB FTP HTTP ICONV ICU ISO8859X LEGACY LZMA MEM_DEBUG MODULES \
        OUTPUT PATTERN PROGRAMS PYTHON READER REGEXPS RUN_DEBUG SAX1 SCHEMAS SCHEMATRON TESTS TREE UNICODE \
        VALID WRITER XINCLUDE XPATH XPTR ZLIB; do
        off+=("-DLIBXML2_WITH_$part=OFF")
    done
    with_cmake "${off[@]}" -DLIBXML2_WITH_HTML=ON -DLIBXML2_WITH_PUSH=ON -DLIBXML2_WITH_THREADS=ON
    ;;
*)
    echo "deps_build.sh: no recipe for '$name'" >&2
    exit 2
    ;;
esac
