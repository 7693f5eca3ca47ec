/* Nothing: a program of no tests, which must fail. */
typedef int shim_empty;
