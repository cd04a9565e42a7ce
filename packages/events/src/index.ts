/**
 * The typed broadcast hub: many subscribers, each with a bounded buffer; what is dropped is counted.
 *
 * @packageDocumentation
 */
export {}
