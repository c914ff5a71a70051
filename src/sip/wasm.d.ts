// A .wasm file imported with `type: 'file'` is its path: on disk, or inside a compiled program.
declare module '*.wasm' {
  const path: string
  export default path
}
