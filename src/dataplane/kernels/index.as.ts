/** The kernels' entry: everything exported here becomes an export of kernels.wasm. */

/** Where the memory after the module's static data begins, 16-byte aligned. */
export function heapBase(): usize {
  return __heap_base;
}
