import { CliError } from './errors.ts'

/**
 * The error for a file or folder that cannot be read.
 *
 * @param cause - What the system said; one of ours passes unchanged.
 */
export function unreadable(place: string, cause: unknown): CliError {
  if (cause instanceof CliError) return cause
  return new CliError('ERR_FILE_UNREADABLE', `${place} cannot be read: ${reasonOf(cause)}`, {
    cause,
    hint: 'is the name right, and may this user read it?',
  })
}

/** The same for one that cannot be written. */
export function unwritable(place: string, cause: unknown): CliError {
  if (cause instanceof CliError) return cause
  return new CliError('ERR_FILE_UNWRITABLE', `${place} cannot be written: ${reasonOf(cause)}`, {
    cause,
    hint: 'may this user write there, is there room on the disk, and is no other file in the way?',
  })
}

/** The system's reason in words, without the path, which the message has already. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  return cause.message.replace(/, \w+ '.*$/s, '')
}
