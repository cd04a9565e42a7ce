/**
 * The suite that a transport has to pass, for the test runner of your choice.
 *
 * @packageDocumentation
 */
export {}
