# The Python package in build/FLAVOR/python, ready for PYTHONPATH: h2box/_core.abi3.so, made of python/ext/*.c and the
# core, and links to the files of python/. Left out, with a line that says so, where Python's headers are not installed.

# Debian's python modules (python3-h2) belong to /usr/bin/python3, whatever python stands first in PATH.
find_program(H2BOX_SYSTEM_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(H2BOX_SYSTEM_PYTHON python3)

function(h2box_python_package)
    set(include "")
    if(H2BOX_SYSTEM_PYTHON)
        execute_process(COMMAND "${H2BOX_SYSTEM_PYTHON}" -c "import sysconfig; print(sysconfig.get_path('include'))"
                        OUTPUT_VARIABLE include OUTPUT_STRIP_TRAILING_WHITESPACE)
    endif()
    if(NOT EXISTS "${include}/Python.h")
        message(STATUS "Python bindings: left out, Python.h is missing (package python3-dev)")
        return()
    endif()

    # Flags of the flavor, but position independent. Only PyInit__core is seen from outside.
    get_target_property(compile h2box_flavor INTERFACE_COMPILE_OPTIONS)
    get_target_property(link h2box_flavor INTERFACE_LINK_OPTIONS)
    get_target_property(define h2box_flavor INTERFACE_COMPILE_DEFINITIONS)
    list(REMOVE_ITEM compile -fno-pie)
    list(REMOVE_ITEM link -no-pie)
    file(GLOB core_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/core/*.c")
    file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/python/ext/*.c")
    add_library(python MODULE ${sources} ${core_sources})
    target_link_libraries(python PRIVATE h2box_warnings)
    target_compile_options(python PRIVATE ${compile} -fvisibility=hidden)
    target_link_options(python PRIVATE ${link})
    if(define)
        target_compile_definitions(python PRIVATE ${define})
    endif()
    target_include_directories(python PRIVATE "${PROJECT_BINARY_DIR}/include/for-python")
    target_include_directories(python SYSTEM PRIVATE "${include}")
    set(folder "${PROJECT_BINARY_DIR}/python")
    set_target_properties(python PROPERTIES PREFIX "" OUTPUT_NAME _core SUFFIX .abi3.so POSITION_INDEPENDENT_CODE ON
                                            LIBRARY_OUTPUT_DIRECTORY "${folder}/h2box")
    file(GLOB modules CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/python" "${PROJECT_SOURCE_DIR}/python/h2box/*.py*"
         "${PROJECT_SOURCE_DIR}/python/nghttp2/*.py*" "${PROJECT_SOURCE_DIR}/python/*/py.typed")
    file(REMOVE "${folder}/nghttp2.py") # as it was once: a dangling link
    file(MAKE_DIRECTORY "${folder}/h2box" "${folder}/nghttp2")
    foreach(module IN LISTS modules)
        file(CREATE_LINK "${PROJECT_SOURCE_DIR}/python/${module}" "${folder}/${module}" SYMBOLIC)
    endforeach()
endfunction()
