# The man pages and the completion for shells, which scripts/make-reference makes from the parsers of
# the programs, and where they go on installation.

set(reference ${PROJECT_BINARY_DIR}/reference)
file(GLOB_RECURSE reference_sources CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/python/charioteer/cli/*.py ${PROJECT_SOURCE_DIR}/python/test_driver/*.py)
list(APPEND reference_sources ${PROJECT_SOURCE_DIR}/python/charioteer/testing/options.py
    ${PROJECT_SOURCE_DIR}/scripts/make-reference ${PROJECT_SOURCE_DIR}/scripts/man_page.py
    ${PROJECT_SOURCE_DIR}/scripts/completion.py)
add_custom_command(OUTPUT ${reference}/made
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${reference}
    COMMAND ${CMAKE_COMMAND} -E env PYTHONDONTWRITEBYTECODE=1 ${Python_EXECUTABLE}
        ${PROJECT_SOURCE_DIR}/scripts/make-reference ${PROJECT_BINARY_DIR}/python ${reference}
    COMMAND ${CMAKE_COMMAND} -E touch ${reference}/made
    DEPENDS ${reference_sources} _core charioteer_python_packages
    COMMENT "Making man pages and completion"
    VERBATIM)
add_custom_target(charioteer_reference ALL DEPENDS ${reference}/made)

install(DIRECTORY ${reference}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT reference)
install(DIRECTORY ${reference}/bash/ DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
    COMPONENT reference)
install(DIRECTORY ${reference}/zsh/ DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions
    COMPONENT reference)
install(DIRECTORY ${reference}/fish/ DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d
    COMPONENT reference)
