/** What stands where something is not recorded, and not shown. */
export const omitted = '(omitted)';
