# How a build is compiled: H2BOX_FLAVOR, set by the presets. Everything of ours links the INTERFACE target h2box_flavor,
# except h2box_core_plain (see layers.cmake), so flags stand here and nowhere else.
set(H2BOX_FLAVOR "release" CACHE STRING "dev, tsan, plain, release, bench or fuzz")
set_property(CACHE H2BOX_FLAVOR PROPERTY STRINGS dev tsan plain release bench fuzz)
option(H2BOX_WERROR "Treat the warnings of our own code as errors" ON)

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Small functions of one file, called from another, are what a request consists of: a tenth of its instructions.
if(H2BOX_FLAVOR MATCHES "^(release|bench)$")
    set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()

# gcc clears and copies what is over 64 bytes by `rep stos` and `rep movs`, unless it is told of a processor on which their start
# is dear, as it is on all: 10 ns for an event of 160 bytes. This changes the choice of instructions, not what they need.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
    set(tune -mtune=skylake)
endif()

add_library(h2box_flavor INTERFACE)
add_library(h2box_warnings INTERFACE)

set(warnings -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
if(H2BOX_WERROR)
    list(APPEND warnings -Werror)
endif()
target_compile_options(h2box_warnings INTERFACE ${warnings})

# The third-party archives are built once for all flavors, not position independent.
target_compile_options(h2box_flavor INTERFACE -fno-pie)
target_link_options(h2box_flavor INTERFACE -no-pie)

set(sections -ffunction-sections -fdata-sections)
if(H2BOX_FLAVOR STREQUAL "dev")
    set(san -fsanitize=address,undefined -fno-sanitize-recover=all)
    target_compile_options(h2box_flavor INTERFACE -O1 -g -fno-omit-frame-pointer ${san})
    target_link_options(h2box_flavor INTERFACE ${san})
elseif(H2BOX_FLAVOR STREQUAL "tsan")
    target_compile_options(h2box_flavor INTERFACE -O1 -g -fno-omit-frame-pointer -fsanitize=thread)
    target_link_options(h2box_flavor INTERFACE -fsanitize=thread)
elseif(H2BOX_FLAVOR STREQUAL "plain")
    target_compile_options(h2box_flavor INTERFACE -O1 -g -fno-omit-frame-pointer)
elseif(H2BOX_FLAVOR STREQUAL "release")
    target_compile_options(h2box_flavor INTERFACE -O3 ${tune} ${sections} -fno-plt)
    target_compile_definitions(h2box_flavor INTERFACE NDEBUG)
    target_link_options(h2box_flavor INTERFACE -Wl,--gc-sections -s)
elseif(H2BOX_FLAVOR STREQUAL "bench")
    target_compile_options(h2box_flavor INTERFACE -O3 ${tune} -g ${sections} -fno-omit-frame-pointer)
    target_compile_definitions(h2box_flavor INTERFACE NDEBUG)
    target_link_options(h2box_flavor INTERFACE -Wl,--gc-sections)
elseif(H2BOX_FLAVOR STREQUAL "fuzz")
    if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
        message(FATAL_ERROR "the fuzz flavor needs clang (libFuzzer)")
    endif()
    set(san -fsanitize=address,undefined -fno-sanitize-recover=all)
    target_compile_options(h2box_flavor INTERFACE -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link ${san})
    target_link_options(h2box_flavor INTERFACE ${san})
else()
    message(FATAL_ERROR "H2BOX_FLAVOR is '${H2BOX_FLAVOR}'; known: dev tsan plain release bench fuzz")
endif()
