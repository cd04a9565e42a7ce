#!/usr/bin/env node
import process from 'node:process'
import { runRelayCommandLine } from './command-line.ts'

process.exitCode = await runRelayCommandLine(process.argv)
