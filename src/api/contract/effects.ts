/** What effects mean, one line each, for whoever shows them: the console draws them beside their names. Without schemas, which are large. */
export { shellEffects } from '../../core/shell-effects.ts';
export { sqlEffects } from '../../core/sql-effects.ts';
