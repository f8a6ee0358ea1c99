import type { Problem } from '../http/problems.ts';

/** How OpenAI names the kinds of errors that are not the request's own fault, by status. */
const types: Record<number, string> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
};

/** A problem in the form in which OpenAI's clients look for it. */
export function openAiError({ title, detail, fix, type, status }: Problem) {
  return {
    error: {
      message: `${title}: ${detail}. ${fix}`,
      type: types[status] ?? (status >= 500 ? 'server_error' : 'invalid_request_error'),
      code: type,
      param: null,
    },
  };
}
