# The Python packages beside the core in build/<preset>/python, the programs in build/<preset>/bin,
# and where both go on installation. Included when the extension module is built.

include(GNUInstallDirs)
set(CHARIOTEER_PYTHON_INSTALL_DIR ${CMAKE_INSTALL_LIBDIR}/charioteer/python
    CACHE STRING "Where the Python packages are installed, below the prefix")
set(data_directory ${CMAKE_INSTALL_DATADIR}/charioteer)
# In a wheel, which scikit-build-core makes of the components `packages` and `reference`, everything
# that the packages read is in them, and the rest is in its folder of data.
if(SKBUILD)
    set(CHARIOTEER_PYTHON_INSTALL_DIR .)
    set(data_directory charioteer)
    set(CMAKE_INSTALL_DATADIR ${SKBUILD_DATA_DIR}/share)
    set(CMAKE_INSTALL_MANDIR ${SKBUILD_DATA_DIR}/share/man)
endif()

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

# By this metadata pytest finds the plugin when the packages are on PYTHONPATH. That of an earlier version
# is removed, as it could be found instead, with the old version.
set(metadata ${PROJECT_BINARY_DIR}/python/charioteer-${PROJECT_VERSION}.dist-info)
file(GLOB earlier ${PROJECT_BINARY_DIR}/python/charioteer-*.dist-info)
list(REMOVE_ITEM earlier ${metadata})
foreach(folder IN LISTS earlier)
    file(REMOVE_RECURSE ${folder})
endforeach()
file(WRITE ${metadata}/METADATA
    "Metadata-Version: 2.1\nName: charioteer\nVersion: ${PROJECT_VERSION}\n")
file(WRITE ${metadata}/entry_points.txt
    "[pytest11]\ncharioteer = charioteer.pytest_plugin\n")
install(CODE "set(packages
    \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CHARIOTEER_PYTHON_INSTALL_DIR}\")
file(GLOB earlier \"\${packages}/charioteer-*.dist-info\")
foreach(folder IN LISTS earlier)
    file(REMOVE_RECURSE \${folder})
endforeach()")
install(DIRECTORY ${metadata} DESTINATION ${CHARIOTEER_PYTHON_INSTALL_DIR})

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
    DESTINATION ${CHARIOTEER_PYTHON_INSTALL_DIR} COMPONENT packages OPTIONAL
    FILES_MATCHING PATTERN "*.py" PATTERN "*.pyi" PATTERN "py.typed"
    PATTERN "*.html" PATTERN "*.js" PATTERN "*.css"
    PATTERN "__pycache__" EXCLUDE PATTERN ".mypy_cache" EXCLUDE)
# Users who may not write there would compile all modules at each start (1.0 s instead of 0.35 s).
# By hash, because packagers change the times of files.
install(CODE "execute_process(COMMAND \"${Python_EXECUTABLE}\" -m compileall -q
    --invalidation-mode checked-hash -s \"\$ENV{DESTDIR}/\" -p /
    \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CHARIOTEER_PYTHON_INSTALL_DIR}\")")
install(TARGETS _core charioteer_tesseract_library charioteer_guard
    LIBRARY DESTINATION ${CHARIOTEER_PYTHON_INSTALL_DIR}/charioteer COMPONENT packages
    RUNTIME DESTINATION ${CHARIOTEER_PYTHON_INSTALL_DIR}/charioteer COMPONENT packages)
get_target_property(agent_programs charioteer_agents PROGRAMS)
install(PROGRAMS ${agent_programs} DESTINATION ${CHARIOTEER_PYTHON_INSTALL_DIR}/charioteer
    COMPONENT packages)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/machines ${PROJECT_SOURCE_DIR}/examples
    DESTINATION ${data_directory} COMPONENT packages
    USE_SOURCE_PERMISSIONS OPTIONAL
    PATTERN "__pycache__" EXCLUDE)
