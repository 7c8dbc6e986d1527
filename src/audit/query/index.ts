/** The query language of searches: text to a query of core and back, and what may stand where. */
export { type QueryReading, type ReadQuery, readQuery } from './compile.ts';
export { type FieldDefinition, fields } from './fields.ts';
export type { QueryProblem } from './lexer.ts';
export { queryLengthMax } from './limits.ts';
export { type Suggestion, type Suggestions, suggest, suggested } from './suggest.ts';
