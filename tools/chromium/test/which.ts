/** Which of two files was taken. */
export const which = (): string => 'node'
