// The whole ABI: numbers in, numbers out, everything else through the memory that layout.ts describes.

export { scanCredentials } from './credentials'
export { checkResponse, hash } from './digest'
export { scan } from './scan'
export { mac } from './siphash'
