#!/usr/bin/env bun
// Arguments to a command, its outcome to the exit code; nothing else.

import { runCommandLine } from './cli/command-line.ts'

process.exitCode = await runCommandLine(process.argv.slice(2))
