import { getProxyForUrl } from 'proxy-from-env';
import { isLoopbackAddress } from '../../remote/address-range.ts';
import { hostOf } from '../../remote/connect.ts';
import { DownloadError } from './download-error.ts';

/**
 * The proxy that downloads from an address go through, as HTTPS_PROXY, HTTP_PROXY and NO_PROXY say; undefined where they go
 * straight there, as to this machine always.
 * @throws DownloadError where the variable names no proxy of HTTP, or this Node knows none
 * @example proxyFor(new URL('https://huggingface.co/')) // 'http://proxy.example.org:3128'
 */
export function proxyFor(url: URL): string | undefined {
  const host = hostOf(url);
  const proxy = host === 'localhost' || isLoopbackAddress(host) ? '' : getProxyForUrl(url.href);
  if (proxy === '') return undefined;
  const variable = `${url.protocol.slice(0, -1).toUpperCase()}_PROXY`;
  const parsed = URL.parse(proxy);
  if (!parsed || !['http:', 'https:'].includes(parsed.protocol))
    throw new DownloadError(`${variable} names no proxy that can be used`, {
      fix: `Set ${variable} to the address of an HTTP proxy, such as http://proxy.example.org:3128.`,
    });
  // The flag came with the proxies.
  if (!process.allowedNodeEnvironmentFlags.has('--use-env-proxy'))
    throw new DownloadError(`${variable} is set, and Node ${process.versions.node} knows no proxies`, {
      fix: 'Use Node 24.5 or newer.',
    });
  return proxy;
}
