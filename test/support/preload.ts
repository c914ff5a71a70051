// Runs before every test process: the core that the tests load is the one that wasm/ says.

import { buildWasm } from '../../scripts/wasm.ts'

await buildWasm()
