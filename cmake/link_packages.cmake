# Creates a link in TARGET/<package> for each entry of SOURCE/<package>, and removes dangling links.
# A folder of links instead of one link, because it also contains the core's binaries.

foreach(package IN ITEMS charioteer test_driver)
    file(MAKE_DIRECTORY ${TARGET}/${package})
    file(GLOB present RELATIVE ${TARGET}/${package} ${TARGET}/${package}/*)
    foreach(entry IN LISTS present)
        if(IS_SYMLINK ${TARGET}/${package}/${entry} AND NOT EXISTS ${SOURCE}/${package}/${entry})
            file(REMOVE ${TARGET}/${package}/${entry})
        endif()
    endforeach()
    file(GLOB wanted RELATIVE ${SOURCE}/${package} ${SOURCE}/${package}/*)
    list(REMOVE_ITEM wanted __pycache__)
    foreach(entry IN LISTS wanted)
        if(NOT EXISTS ${TARGET}/${package}/${entry})
            file(CREATE_LINK ${SOURCE}/${package}/${entry} ${TARGET}/${package}/${entry} SYMBOLIC)
        endif()
    endforeach()
endforeach()
