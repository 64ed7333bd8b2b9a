# Layers as libraries. Headers are included from the root ("core/bytes.h"); what a layer can see is a folder of links
# in the build tree, so an arrow upwards does not compile:
#   include/for-core/{core}  for-tls/{core,tls}  for-netio/{core,tls,netio}  for-applets/{core,tls,netio,applets}
#   for-python/{core,python}   for-tests: all of them and tests
set(h2box_farm_core core)
set(h2box_farm_tls core tls)
set(h2box_farm_netio core tls netio)
set(h2box_farm_applets core tls netio applets)
set(h2box_farm_python core python)
set(h2box_farm_tests core tls netio applets tests)
foreach(farm core tls netio applets python tests)
    set(folder "${PROJECT_BINARY_DIR}/include/for-${farm}")
    file(MAKE_DIRECTORY "${folder}")
    foreach(layer IN LISTS h2box_farm_${farm})
        file(CREATE_LINK "${PROJECT_SOURCE_DIR}/${layer}" "${folder}/${layer}" SYMBOLIC)
    endforeach()
endforeach()

# Flags, warnings and sight for a target of ours.
function(h2box_own_code target farm)
    target_link_libraries(${target} PRIVATE h2box_flavor h2box_warnings)
    target_include_directories(${target} PRIVATE "${PROJECT_BINARY_DIR}/include/for-${farm}")
endfunction()

# What each layer links. tls names core only.
set(h2box_below_core)
set(h2box_below_tls h2box_core)
set(h2box_below_netio h2box_core h2box_tls)

# h2box_<layer> from <layer>/*.c (and tls/accel/*.c); INTERFACE while the folder has only headers.
function(h2box_layer layer)
    file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${layer}/*.c" "${PROJECT_SOURCE_DIR}/${layer}/accel/*.c")
    set(target h2box_${layer})
    if(NOT sources)
        add_library(${target} INTERFACE)
        target_link_libraries(${target} INTERFACE ${h2box_below_${layer}})
        return()
    endif()
    add_library(${target} STATIC ${sources})
    h2box_own_code(${target} ${layer})
    target_link_libraries(${target} PUBLIC ${h2box_below_${layer}})
    if(layer STREQUAL "netio")
        target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
        h2box_use(${target} uv)
    elseif(layer STREQUAL "tls")
        target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
        h2box_use(${target} mbedtls)
    elseif(layer STREQUAL "core")
        # The same sources as plain objects: what they reference is what the core reaches for, so `nm` can prove that
        # it does no I/O, reads no clock and holds no mutable global (tests/lint/symbols.sh).
        add_library(h2box_core_plain STATIC ${sources})
        target_include_directories(h2box_core_plain PRIVATE "${PROJECT_BINARY_DIR}/include/for-core")
        target_compile_options(h2box_core_plain PRIVATE -O1 -fno-pie -fno-stack-protector -U_FORTIFY_SOURCE)
        if(NOT H2BOX_FLAVOR MATCHES "^(dev|plain)$")
            set_target_properties(h2box_core_plain PROPERTIES EXCLUDE_FROM_ALL ON)
        endif()
    endif()
endfunction()
