#!/usr/bin/env node
import process from 'node:process'
import { runCommandLine } from './command-line.ts'

// Whoever reads our output may have enough of it: `vudo ls | head -1` is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1)
})

process.exitCode = await runCommandLine(process.argv)
