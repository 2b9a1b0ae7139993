# Finds Arrow and Parquet: Tarn::Arrow is the one target that rooms link.
#
# An installed Arrow (Homebrew, conda, Arrow's own packages) wins. Otherwise the pyarrow wheel is
# used, which carries the shared libraries and headers: TARN_PYTHON is an interpreter that has it.
add_library(Tarn::Arrow INTERFACE IMPORTED)

find_package(Arrow CONFIG QUIET)
find_package(Parquet CONFIG QUIET)
find_package(ArrowCompute CONFIG QUIET)
if(Arrow_FOUND AND Parquet_FOUND AND NOT TARN_PYTHON)
  target_link_libraries(Tarn::Arrow INTERFACE Arrow::arrow_shared Parquet::parquet_shared)
  if(ArrowCompute_FOUND)
    target_link_libraries(Tarn::Arrow INTERFACE ArrowCompute::arrow_compute_shared)
  endif()
  set(TarnArrow_FOUND TRUE)
  return()
endif()

set(TARN_PYTHON "${CMAKE_CURRENT_SOURCE_DIR}/.deps/venv/bin/python" CACHE FILEPATH
  "Python interpreter that has the pinned pyarrow")
execute_process(
  COMMAND ${TARN_PYTHON} -c "import pyarrow as p; print(p.get_include()); print(p.get_library_dirs()[0])"
  OUTPUT_VARIABLE _out RESULT_VARIABLE _rc OUTPUT_STRIP_TRAILING_WHITESPACE)
if(NOT _rc EQUAL 0)
  message(FATAL_ERROR "Arrow was not found, nor pyarrow in ${TARN_PYTHON}. Run ./dev setup.")
endif()
string(REPLACE "\n" ";" _out "${_out}")
list(GET _out 0 _include)
list(GET _out 1 _libdir)
target_include_directories(Tarn::Arrow SYSTEM INTERFACE ${_include})
# The wheel has no unversioned .so: link each library by its full name.
foreach(lib arrow arrow_compute parquet)
  file(GLOB _so "${_libdir}/lib${lib}.so.[0-9]*")
  list(FILTER _so EXCLUDE REGEX "\\.so\\.[0-9]+\\.")
  if(NOT _so)
    message(FATAL_ERROR "lib${lib}.so.* is missing in ${_libdir}. Run ./dev setup.")
  endif()
  target_link_libraries(Tarn::Arrow INTERFACE ${_so})
endforeach()
set(TarnArrow_FOUND TRUE)
