/** Whether a licence, by its usual name, forbids commercial use. @example isNonCommercial('cc-by-nc-4.0') // true */
export function isNonCommercial(license: string): boolean {
  return /(^|[^a-z])nc([^a-z]|$)|non-?commercial|research-only/i.test(license);
}
