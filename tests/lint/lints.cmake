# Every lint is a ctest `lint.NAME`. A new one is a file in this folder and a word here.
foreach(script layers.py names.py style.py lists.py rules.py format.sh shell.sh symbols.sh)
    get_filename_component(name ${script} NAME_WE)
    h2box_script_test(lint.${name} "${CMAKE_CURRENT_LIST_DIR}/${script}")
    h2box_test_properties(lint.${name} "" 60 lint fast)
endforeach()
if(TARGET h2box_core_plain)
    set_property(TEST lint.symbols APPEND PROPERTY ENVIRONMENT "H2BOX_CORE_PLAIN=$<TARGET_FILE:h2box_core_plain>")
endif()
