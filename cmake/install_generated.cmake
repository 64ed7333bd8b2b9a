# Runs at install time: what the program says about itself goes to the places where shells and man look for it.
# Nothing is tolerated: a program that cannot print one of them makes the installation fail.
set(root "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}")

function(h2box_print file)
    execute_process(COMMAND "${h2box_program}" ${ARGN} OUTPUT_VARIABLE text RESULT_VARIABLE result)
    if(NOT result EQUAL 0 OR text STREQUAL "")
        message(FATAL_ERROR "h2box ${ARGN}: printed nothing usable (exit code ${result})")
    endif()
    message(STATUS "Installing: ${root}/${file}")
    file(WRITE "${root}/${file}" "${text}")
endfunction()

function(h2box_link target file)
    message(STATUS "Installing: ${root}/${file} -> ${target}")
    get_filename_component(folder "${root}/${file}" DIRECTORY)
    file(MAKE_DIRECTORY "${folder}")
    file(REMOVE "${root}/${file}")
    file(CREATE_LINK "${target}" "${root}/${file}" SYMBOLIC)
endfunction()

set(bash_folder "${h2box_datadir}/bash-completion/completions")
set(fish_folder "${h2box_datadir}/fish/vendor_completions.d")
h2box_print("${bash_folder}/h2box" --completions bash)
h2box_print("${h2box_datadir}/zsh/site-functions/_h2box" --completions zsh)
h2box_print("${fish_folder}/h2box.fish" --completions fish)

foreach(name old IN ZIP_LISTS h2box_names h2box_old_names)
    h2box_print("${h2box_mandir}/man1/h2box-${name}.1" --man ${name})
    # A plain `client` or `server` is too common a name for a shared folder: `h2box --install DIR` makes those too.
    h2box_link(h2box "${h2box_bindir}/h2box-${name}")
    h2box_link(h2box "${bash_folder}/h2box-${name}")
    h2box_link(h2box.fish "${fish_folder}/h2box-${name}.fish")
    if(NOT old STREQUAL "-")
        h2box_link(h2box "${h2box_bindir}/${old}")
        file(WRITE "${root}/${h2box_mandir}/man1/${old}.1" ".so man1/h2box-${name}.1\n")
        message(STATUS "Installing: ${root}/${h2box_mandir}/man1/${old}.1")
        # These two shells load completions by the name of the command.
        h2box_link(h2box "${bash_folder}/${old}")
        h2box_link(h2box.fish "${fish_folder}/${old}.fish")
    endif()
endforeach()
