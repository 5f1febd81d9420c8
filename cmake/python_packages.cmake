# The Python packages beside the core in build/<preset>/python, the programs in build/<preset>/bin,
# and where both go on installation. Included when the extension module is built.

include(GNUInstallDirs)
set(CHARIOTEER_PYTHON_INSTALL_DIR ${CMAKE_INSTALL_LIBDIR}/charioteer/python
    CACHE STRING "Where the Python packages are installed, below the prefix")

# Links, so that edits take effect without a build. Updated by each build, since CMake does not
# notice files that were added, moved or removed.
add_custom_target(charioteer_python_packages ALL
    COMMAND ${CMAKE_COMMAND} -D SOURCE=${PROJECT_SOURCE_DIR}/python
        -D TARGET=${PROJECT_BINARY_DIR}/python
        -P ${PROJECT_SOURCE_DIR}/cmake/link_packages.cmake
    COMMENT "Linking the Python packages"
    VERBATIM)

# charioteer_program(NAME MODULE): the program NAME, which is `python3 -m MODULE`.
function(charioteer_program name module)
    set(interpreter ${Python_EXECUTABLE})
    set(packages ../python)
    configure_file(${PROJECT_SOURCE_DIR}/cmake/program.py.in ${PROJECT_BINARY_DIR}/bin/${name}
        @ONLY FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
        WORLD_READ WORLD_EXECUTE)
    file(RELATIVE_PATH packages ${CMAKE_INSTALL_FULL_BINDIR}
        ${CMAKE_INSTALL_PREFIX}/${CHARIOTEER_PYTHON_INSTALL_DIR})
    configure_file(${PROJECT_SOURCE_DIR}/cmake/program.py.in
        ${PROJECT_BINARY_DIR}/installed-bin/${name} @ONLY)
    install(PROGRAMS ${PROJECT_BINARY_DIR}/installed-bin/${name}
        DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

# Everything needed to run tests of guests, and nothing that only the driver's own tests need.
add_custom_target(charioteer DEPENDS _core charioteer_agents charioteer_guard
    charioteer_python_packages)

charioteer_program(charioteer charioteer)
charioteer_program(nixos-test-driver test_driver)
charioteer_program(generate-driver-symbols test_driver.symbols)

# In an earlier version `logger` was a package; a leftover would be imported instead of the module.
install(CODE "file(REMOVE_RECURSE
    \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CHARIOTEER_PYTHON_INSTALL_DIR}/test_driver/logger\")")
# OPTIONAL, because a packager may install the Python sources separately, so that editing them does
# not recompile the core.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/python/charioteer ${PROJECT_SOURCE_DIR}/python/test_driver
    DESTINATION ${CHARIOTEER_PYTHON_INSTALL_DIR} OPTIONAL
    FILES_MATCHING PATTERN "*.py" PATTERN "*.pyi" PATTERN "py.typed"
    PATTERN "*.j2" PATTERN "*.js" PATTERN "*.css"
    PATTERN "__pycache__" EXCLUDE PATTERN ".mypy_cache" EXCLUDE)
install(TARGETS _core LIBRARY DESTINATION ${CHARIOTEER_PYTHON_INSTALL_DIR}/charioteer)
install(TARGETS charioteer_tesseract_library
    LIBRARY DESTINATION ${CHARIOTEER_PYTHON_INSTALL_DIR}/charioteer)
install(TARGETS charioteer_guard RUNTIME DESTINATION ${CHARIOTEER_PYTHON_INSTALL_DIR}/charioteer)
get_target_property(agent_programs charioteer_agents PROGRAMS)
install(PROGRAMS ${agent_programs} DESTINATION ${CHARIOTEER_PYTHON_INSTALL_DIR}/charioteer)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/machines ${PROJECT_SOURCE_DIR}/examples
    DESTINATION ${CMAKE_INSTALL_DATADIR}/charioteer
    USE_SOURCE_PERMISSIONS OPTIONAL
    PATTERN "__pycache__" EXCLUDE)
