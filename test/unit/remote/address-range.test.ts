import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { isGlobalAddress } from '../../../src/remote/address-range.ts';

/**
 * Every block of IANA's special-purpose registries, and those of the registries of address space that are not for unicast:
 * https://www.iana.org/assignments/iana-ipv4-special-registry, …/iana-ipv6-special-registry, …/ipv6-address-space.
 */
const special = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '255.255.255.255/32',
  '::/128',
  '::1/128',
  // IPv4-compatible, and what else begins with zeros.
  '::/96',
  '::/8',
  '::ffff:0:0:0/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '100:0:0:1::/64',
  '2001::/23',
  '2001::/32',
  '2001:1::1/128',
  '2001:1::2/128',
  '2001:1::3/128',
  '2001:2::/48',
  '2001:3::/32',
  '2001:4:112::/48',
  '2001:10::/28',
  '2001:20::/28',
  '2001:30::/28',
  '2001:db8::/32',
  '2002::/16',
  '2620:4f:8000::/48',
  '3fff::/20',
  '5f00::/16',
  '4000::/2',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
];

/** First, middle and last address of a block. */
function addressesOf(block: string): string[] {
  const [network, length] = ipaddr.parseCIDR(block);
  const bytes = network.toByteArray();
  const filled = (fill: (bit: number) => 0 | 1) =>
    ipaddr
      .fromByteArray(
        bytes.map((byte, index) => {
          let value = byte;
          for (let bit = 0; bit < 8; bit++)
            if (index * 8 + bit >= length && fill(index * 8 + bit)) value |= 0x80 >> bit;
          return value;
        }),
      )
      .toString();
  return [filled(() => 0), filled((bit) => (bit % 2 ? 1 : 0)), filled(() => 1)];
}

describe('an address that is not of the open internet', () => {
  it.each(special)('lies in %s', (block) => {
    for (const address of addressesOf(block)) expect(isGlobalAddress(address), address).toBe(false);
  });

  it.each([
    ['Azure’s wire server', '168.63.129.16'],
    ['Alibaba’s metadata', '100.100.100.200'],
    ['Oracle’s metadata', '192.0.0.192'],
    ['AWS’s metadata over IPv6', 'fd00:ec2::254'],
    ['Google’s metadata over IPv6', 'fd20:ce::254'],
  ])('is a service of the cloud that the machine runs in: %s', (_, address) => {
    expect(isGlobalAddress(address)).toBe(false);
  });

  it.each([
    ['mapped into IPv6', '::ffff:10.0.0.1', '::ffff:a9fe:a9fe', '::ffff:168.63.129.16'],
    ['compatible with IPv4', '::10.0.0.1', '::7f00:1', '::8.8.8.8'],
    ['behind a translator', '64:ff9b::127.0.0.1', '64:ff9b:1::a00:1'],
    ['behind 6to4', '2002:7f00:1::', '2002:a9fe:a9fe::1'],
    ['with a zone', 'fe80::1%eth0'],
    ['no address', 'localhost', '', '1.2.3.4/8', '1.2.3.4.5'],
  ])('is %s', (_, ...addresses) => {
    for (const address of addresses) expect(isGlobalAddress(address), address).toBe(false);
  });
});

describe('an address of the open internet', () => {
  it.each([
    '8.8.8.8',
    '93.184.216.34',
    '168.63.129.15',
    '168.63.129.17',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.0.1.0',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '::ffff:8.8.8.8',
    '2000::1',
    '2001:200::1',
    '2001:4860:4860::8888',
    '2003::1',
    '2606:2800:220:1::1',
    '2a00:1450:4001::1',
    '3fff:1000::1',
  ])('%s', (address) => {
    expect(isGlobalAddress(address)).toBe(true);
  });
});
