# Third-party libraries as h2box_use(TARGET uv|mbedtls|zlib|jansson|xml2), for the one layer that may see each.
#   H2BOX_DEPS=bundled  from Debian source packages, static, cached (deps.sh). The default.
#   H2BOX_DEPS=system   what pkg-config finds, dynamic. mbedTLS must then be 3.x, once tls/ has sources.
set(H2BOX_DEPS "bundled" CACHE STRING "bundled or system")
set_property(CACHE H2BOX_DEPS PROPERTY STRINGS bundled system)
find_package(Threads REQUIRED)

set(static_default OFF)
if(H2BOX_DEPS STREQUAL "bundled" AND H2BOX_FLAVOR MATCHES "^(release|bench)$")
    set(static_default ON)
endif()
option(H2BOX_STATIC "Link h2box with a static libc" ${static_default})
if(H2BOX_STATIC)
    # Only for h2box itself: Criterion, and with it the tests, is dynamic.
    set(h2box_static_link -static)
endif()

if(H2BOX_DEPS STREQUAL "bundled")
    execute_process(
        COMMAND "${PROJECT_SOURCE_DIR}/cmake/deps.sh" prefix
        OUTPUT_VARIABLE h2box_prefix
        OUTPUT_STRIP_TRAILING_WHITESPACE
        RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "The third-party libraries are not there; the lines above tell why. "
                            "./dev setup installs what is missing; -DH2BOX_DEPS=system uses the installed ones.")
    endif()
    message(STATUS "Third-party libraries: ${h2box_prefix}")
    set_property(
        DIRECTORY
        APPEND
        PROPERTY CMAKE_CONFIGURE_DEPENDS cmake/deps.lock cmake/deps_build.sh cmake/h2box_mbedtls_config.h
                                               cmake/mbedtls_alt/gcm_alt.h cmake/mbedtls_alt/chachapoly_alt.h)

    function(h2box_dep name folder)
        add_library(h2box_dep_${name} INTERFACE)
        target_include_directories(h2box_dep_${name} SYSTEM INTERFACE "${h2box_prefix}/${folder}/include")
        foreach(archive IN LISTS ARGN)
            target_link_libraries(h2box_dep_${name} INTERFACE "${h2box_prefix}/${folder}/lib/${archive}")
        endforeach()
        target_link_libraries(h2box_dep_${name} INTERFACE Threads::Threads ${CMAKE_DL_LIBS})
    endfunction()
    h2box_dep(uv libuv1 libuv.a)
    if(H2BOX_FLAVOR STREQUAL "tsan")
        add_library(h2box_seen_close STATIC tests/tools/seen_close.c)
        target_link_libraries(h2box_seen_close PRIVATE h2box_flavor)
        target_link_libraries(h2box_dep_uv INTERFACE h2box_seen_close)
        target_link_options(h2box_dep_uv INTERFACE -Wl,--wrap=syscall)
    endif()
    h2box_dep(mbedtls mbedtls libmbedtls.a libmbedx509.a libmbedcrypto.a)
    # Some of the library's primitives are ours (tls/mbedtls_*.c), so the two archives refer to each other.
    target_link_libraries(h2box_dep_mbedtls INTERFACE "${PROJECT_BINARY_DIR}/libh2box_tls.a")
    target_link_options(h2box_dep_mbedtls INTERFACE -Wl,--wrap=mbedtls_ecp_mul,--wrap=mbedtls_ecp_mul_restartable)
    target_compile_definitions(h2box_dep_mbedtls INTERFACE "MBEDTLS_USER_CONFIG_FILE=\"h2box_mbedtls_config.h\"")
    h2box_dep(zlib zlib libz.a)
    h2box_dep(jansson jansson libjansson.a)
    h2box_dep(xml2 libxml2 libxml2.a)
    target_compile_definitions(h2box_dep_xml2 INTERFACE LIBXML_STATIC)
    target_include_directories(h2box_dep_xml2 SYSTEM INTERFACE "${h2box_prefix}/libxml2/include/libxml2")
    target_link_libraries(h2box_dep_xml2 INTERFACE m)
elseif(H2BOX_DEPS STREQUAL "system")
    find_package(PkgConfig REQUIRED)
    foreach(pair "uv=libuv" "mbedtls=mbedtls>=3" "zlib=zlib" "jansson=jansson" "xml2=libxml-2.0")
        string(REGEX REPLACE "=.*" "" name "${pair}")
        string(REGEX REPLACE "^[^=]*=" "" module "${pair}")
        add_library(h2box_dep_${name} INTERFACE)
        pkg_check_modules(H2BOX_${name} IMPORTED_TARGET "${module}")
        if(H2BOX_${name}_FOUND)
            target_link_libraries(h2box_dep_${name} INTERFACE PkgConfig::H2BOX_${name} Threads::Threads)
        else()
            set_property(TARGET h2box_dep_${name} PROPERTY H2BOX_MISSING "${module}")
        endif()
    endforeach()
    # Debian's mbedtls.pc names the crypto and x509 parts as private.
    if(H2BOX_mbedtls_FOUND)
        target_link_libraries(h2box_dep_mbedtls INTERFACE mbedx509 mbedcrypto)
    endif()
else()
    message(FATAL_ERROR "H2BOX_DEPS is '${H2BOX_DEPS}'; known: bundled, system")
endif()

# Headers for TARGET alone, the library for whoever links it. `h2box_use(t xml2 OPTIONAL)` does nothing where a system
# lacks the library.
function(h2box_use target name)
    get_target_property(missing h2box_dep_${name} H2BOX_MISSING)
    if(missing)
        if(NOT "OPTIONAL" IN_LIST ARGN)
            message(FATAL_ERROR "H2BOX_DEPS=system: pkg-config does not find ${missing}, which ${target} needs")
        endif()
        return()
    endif()
    target_link_libraries(${target} PRIVATE h2box_dep_${name})
endfunction()
