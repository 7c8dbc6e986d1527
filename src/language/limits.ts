/** The limits of understanding commands: each with its unit and its reason. */

/** Longest SQL text that is judged, in UTF-8 bytes. 1 MiB: parsing that much takes about a second, and people never write it. */
export const sqlTextBytesMax = 1024 * 1024;

/** How deeply a statement may nest. The parser survives about 2,000 levels; PostgreSQL's own stack allows a few thousand. */
export const sqlNestingMax = 1000;

/** Nodes of one parse tree's dump, counting those that multiple assignment repeats. About 300 MB of JSON at worst. */
export const sqlNodesMax = 2_000_000;

/** A parser that read a text this long, in bytes, is replaced: WebAssembly memory never shrinks. */
export const sqlParserRecycleBytes = 256 * 1024;

/** Relations reached by one statement through views, partitions and foreign keys. More are counted as unknown. */
export const sqlRelationsMax = 5000;

/** How deeply views of views, partitions of partitions and prepared statements are followed. PostgreSQL's rule depth in practice is below ten. */
export const sqlExpansionDepthMax = 32;

/** Texts remembered by an analysis cache. A pool of applications has a few thousand distinct statements. */
export const sqlCacheEntriesMax = 10_000;

/** Bytes of text remembered by an analysis cache; its analyses weigh about ten times as much. */
export const sqlCacheBytesMax = 8 * 1024 * 1024;

/** Longest text worth remembering, in UTF-16 units: longer ones carry data and do not come again. */
export const sqlCacheTextMax = 32 * 1024;

/** Relations in one database's facts. Beyond it there are none, and nothing is proven. */
export const catalogRelationsMax = 50_000;

/** Columns in one database's facts, of all relations together. */
export const catalogColumnsMax = 1_000_000;

/** Functions, operators, types and casts in one database's facts, each. */
export const catalogNamesMax = 100_000;

/** Expressions (defaults, checks, indexes), foreign keys and inheritance links, each. */
export const catalogLinksMax = 200_000;

/** Longest view definition or expression kept, in UTF-16 units; a longer one counts as unread. */
export const catalogTextMax = 128 * 1024;

/** All texts of one database's facts together, in UTF-16 units. */
export const catalogTextsMax = 64 * 1024 * 1024;

/** Nodes visited while the lineage of one statement is followed. An ordinary statement has a hundred; beyond this it is unresolved. */
export const lineageStepsMax = 200_000;

/** Columns that steer one statement, and flows of one statement, each. Beyond it the statement is unresolved. */
export const lineageEntriesMax = 20_000;

/** Rounds until what a recursive CTE carries no longer grows. Each round adds a column at least; real ones need three. */
export const lineageRoundsMax = 50;
