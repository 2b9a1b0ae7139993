# tarn_room(<name> [ARROW_PCH] [LINK <library>...] [USES <room>...])
#
# A room is the static library tarn_<name> made of src/<name>/**.cc, its unit tests
# (src/<name>/tests/*_test.cc: one program, <name>_test) and its micro-benchmarks
# (src/<name>/bench/*_bench.cc: <name>_bench). USES names the earlier rooms it may include.
# ARROW_PCH precompiles Arrow's and Parquet's large headers for the room.
function(tarn_room name)
  cmake_parse_arguments(ROOM "ARROW_PCH" "" "LINK;USES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
  list(FILTER sources EXCLUDE REGEX "/(tests|bench|fuzz|tools)/")
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  add_library(tarn_${name} STATIC ${sources})
  target_include_directories(tarn_${name} PUBLIC "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(tarn_${name} PUBLIC tarn_flags Tarn::Arrow ${ROOM_LINK})
  foreach(used ${ROOM_USES})
    target_link_libraries(tarn_${name} PUBLIC tarn_${used})
  endforeach()
  if(ROOM_ARROW_PCH)
    target_precompile_headers(tarn_${name} PRIVATE <arrow/api.h> <parquet/arrow/reader.h> <parquet/arrow/writer.h>
      <map> <memory> <string> <vector>)
  endif()

  if(TARN_BUILD_TESTS)
    file(GLOB tests CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/tests/*.cc")
    if(tests)
      add_executable(${name}_test ${tests})
      target_link_libraries(${name}_test PRIVATE tarn_${name} GTest::gmock GTest::gtest_main)
      if(ROOM_ARROW_PCH)
        target_precompile_headers(${name}_test PRIVATE <arrow/api.h> <gtest/gtest.h> <gmock/gmock.h>
          <map> <memory> <string> <vector>)
      endif()
      gtest_discover_tests(${name}_test TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST
        PROPERTIES TIMEOUT 600 LABELS ${name})
    endif()
  endif()

  if(TARN_BUILD_BENCHES)
    file(GLOB benches CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/bench/*_bench.cc")
    if(benches)
      add_executable(${name}_bench ${benches})
      target_link_libraries(${name}_bench PRIVATE tarn_${name} benchmark::benchmark_main)
    endif()
  endif()

  # One libFuzzer program for each src/<name>/fuzz/<stem>.cc; seeds lie in tests/fuzz/<stem>/. The
  # ordinary tests replay them (<stem>_replay), with any compiler.
  file(GLOB fuzzers CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/fuzz/*_fuzz.cc")
  foreach(fuzzer ${fuzzers})
    get_filename_component(stem ${fuzzer} NAME_WE)
    if(TARN_BUILD_FUZZERS)
      add_executable(${stem} ${fuzzer})
      target_link_libraries(${stem} PRIVATE tarn_${name})
      target_link_options(${stem} PRIVATE -fsanitize=fuzzer)
      if(NOT TARGET fuzzers)
        add_custom_target(fuzzers)
      endif()
      add_dependencies(fuzzers ${stem})
    endif()
    if(TARN_BUILD_TESTS)
      add_executable(${stem}_replay ${fuzzer} "${PROJECT_SOURCE_DIR}/tests/replay_seeds.cc")
      target_link_libraries(${stem}_replay PRIVATE tarn_${name})
      add_test(NAME ${name}.${stem} COMMAND ${stem}_replay "${PROJECT_SOURCE_DIR}/tests/fuzz/${stem}")
      set_tests_properties(${name}.${stem} PROPERTIES TIMEOUT 600 LABELS ${name})
    endif()
  endforeach()
endfunction()
