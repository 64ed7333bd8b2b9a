# bin/h2box, a link for every applet's name and old name, man pages and completions printed by the program itself.
include(GNUInstallDirs)

install(TARGETS h2box RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
foreach(file LICENSE README.md)
    if(EXISTS "${PROJECT_SOURCE_DIR}/${file}")
        install(FILES ${file} DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/h2box")
    endif()
endforeach()
install(FILES docs/examples/proxy.conf DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/h2box/examples")

install(
    CODE "set(h2box_program \"$<TARGET_FILE:h2box>\")
set(h2box_names \"${h2box_applet_names}\")
set(h2box_old_names \"${h2box_applet_old_names}\")
set(h2box_bindir \"${CMAKE_INSTALL_BINDIR}\")
set(h2box_mandir \"${CMAKE_INSTALL_MANDIR}\")
set(h2box_datadir \"${CMAKE_INSTALL_DATADIR}\")
include(\"${PROJECT_SOURCE_DIR}/cmake/install_generated.cmake\")")
