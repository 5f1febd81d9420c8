# The compiler flags of all targets, and the functions that define targets.

add_library(charioteer_flags INTERFACE)
target_compile_options(charioteer_flags INTERFACE -Wall -Wextra -Wshadow -Wconversion)
# False positives of g++ 12 for the inlined operator new of Asio's coroutine frames.
target_compile_options(charioteer_flags INTERFACE -Wno-mismatched-new-delete)
if(CHARIOTEER_WERROR)
    target_compile_options(charioteer_flags INTERFACE -Werror)
endif()
if(CHARIOTEER_SANITIZE)
    target_compile_options(charioteer_flags INTERFACE
        -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(charioteer_flags INTERFACE -fsanitize=address,undefined)
endif()
if(CHARIOTEER_FUZZ)
    target_compile_options(charioteer_flags INTERFACE
        -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
        # clang 14 does not support it for coroutines.
        -fno-sanitize=function)
    target_link_options(charioteer_flags INTERFACE -fsanitize=address,undefined)
endif()
target_compile_definitions(charioteer_flags INTERFACE
    BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE
    # Asio's non-template code is compiled once, in driver/io/asio.cpp.
    BOOST_ASIO_SEPARATE_COMPILATION)
target_include_directories(charioteer_flags INTERFACE ${PROJECT_SOURCE_DIR}/driver)
target_link_libraries(charioteer_flags INTERFACE Boost::headers fmt::fmt Threads::Threads)

# charioteer_precompile(TARGET HEADERS... | REUSE_FROM OTHER): compiles TARGET with HEADERS
# precompiled, or with those of OTHER, which must have the same flags.
function(charioteer_precompile target)
    if(CMAKE_DISABLE_PRECOMPILE_HEADERS)
        return()
    endif()
    if(ARGV1 STREQUAL REUSE_FROM)
        target_precompile_headers(${target} REUSE_FROM ${ARGV2})
    else()
        target_precompile_headers(${target} PRIVATE ${ARGN})
    endif()
    # With precompiled headers g++ reports false positives for moved strings. Builds without
    # precompiled headers keep these warnings (check-distributions).
    target_compile_options(${target} PRIVATE
        "$<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds;-Wno-restrict;-Wno-stringop-overflow>")
    if(CHARIOTEER_CCACHE)
        # Required by ccache to cache compilations that use precompiled headers.
        target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
        set_target_properties(${target} PROPERTIES CXX_COMPILER_LAUNCHER
            "${CMAKE_COMMAND};-E;env;CCACHE_SLOPPINESS=pch_defines,time_macros;${CHARIOTEER_CCACHE}")
    endif()
endfunction()

# charioteer_compile_together(TARGET): compiles the sources of TARGET six at once, because most of the
# time is spent on templates that all of them use; so names in their unnamed namespaces must differ.
function(charioteer_compile_together target)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
    # g++ takes all sources that are compiled together, except the first, for headers.
    target_compile_options(${target} PRIVATE
        "$<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>")
endfunction()

# charioteer_part(NAME SOURCES... DEPENDS... PRECOMPILE...): the static library charioteer_NAME.
# A part links only to the parts that it may use; scripts/check-layers checks its includes. Parts
# with dependencies use the precompiled headers of io.
function(charioteer_part name)
    cmake_parse_arguments(PART "" "" "SOURCES;DEPENDS;PRECOMPILE" ${ARGN})
    add_library(charioteer_${name} STATIC ${PART_SOURCES})
    target_link_libraries(charioteer_${name} PUBLIC charioteer_flags)
    foreach(dependency IN LISTS PART_DEPENDS)
        target_link_libraries(charioteer_${name} PUBLIC ${dependency})
    endforeach()
    if(PART_PRECOMPILE)
        charioteer_precompile(charioteer_${name} ${PART_PRECOMPILE})
    elseif(PART_DEPENDS)
        charioteer_precompile(charioteer_${name} REUSE_FROM charioteer_io)
    endif()
    if(CHARIOTEER_UNITY)
        charioteer_compile_together(charioteer_${name})
    endif()
endfunction()

# charioteer_test_code(TARGET): the compiler flags of all test code; they are the same for all
# targets, so that these can share precompiled headers.
function(charioteer_test_code target)
    # The code under test is optimised; optimising the tests as well would only take time.
    # GoogleTest's macros have the names of files, which are those of sources that are compiled together
    # absolute ones: with them the compiler cache would not have the objects of another checkout.
    target_compile_options(${target} PRIVATE -O0 -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)
    # The compiler's default for libraries and programs, instead of CMake's different flags.
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
endfunction()

# charioteer_unit_test(NAME GROUPS... SOURCES... DEPENDS...): the GoogleTest program unit_NAME. Its
# sources are compiled together. Its tests are run in GROUPS processes, by default one: tests that wait
# end sooner in several, but each process takes time to start, most of all with sanitizers.
function(charioteer_unit_test name)
    cmake_parse_arguments(TEST "" "GROUPS" "SOURCES;DEPENDS" ${ARGN})
    add_executable(unit_${name} ${TEST_SOURCES})
    target_include_directories(unit_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    charioteer_test_code(unit_${name})
    charioteer_compile_together(unit_${name})
    charioteer_precompile(unit_${name} REUSE_FROM charioteer_fakes)
    target_link_libraries(unit_${name} PRIVATE ${TEST_DEPENDS} charioteer_fakes GTest::gmock
        GTest::gtest_main)
    if(NOT TEST_GROUPS)
        set(TEST_GROUPS 1)
    endif()
    math(EXPR last "${TEST_GROUPS} - 1")
    set(guard "CHARIOTEER_GUARD=${PROJECT_BINARY_DIR}/python/charioteer/charioteer-guard")
    foreach(group RANGE ${last})
        set(environment ${guard} GTEST_TOTAL_SHARDS=${TEST_GROUPS} GTEST_SHARD_INDEX=${group})
        add_test(NAME ${name}.${group} COMMAND unit_${name})
        # A test case that hangs fails by its own limit, with its name; this is the limit of a program.
        set_tests_properties(${name}.${group} PROPERTIES
            TIMEOUT 300 LABELS unit ENVIRONMENT "${environment}")
    endforeach()
endfunction()
