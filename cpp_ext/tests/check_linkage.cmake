# Fails where an object of core/simd/ defines a weak symbol: the linker could put the copy that was
# compiled for a better CPU where every CPU calls it.
#     cmake -DNM=nm -DOBJECTS="a.o;b.o" -P check_linkage.cmake
foreach(object IN LISTS OBJECTS)
  execute_process(COMMAND ${NM} --defined-only -C ${object} OUTPUT_VARIABLE symbols
                  RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${object}: ${NM} ended with ${status}")
  endif()
  string(REGEX MATCHALL "[^\n]* [WVu] [^\n]*" weak "${symbols}")
  if(weak)
    message(FATAL_ERROR "${object}: got weak symbols ${weak}; give them internal linkage")
  endif()
endforeach()
