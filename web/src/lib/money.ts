import type { Money } from './types'

const NONE = ['BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV', 'XAF', 'XOF', 'XPF']
const THREE = ['BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND']
const FOUR = ['CLF', 'UYW']

/** Digits of a currency's minor unit after ISO 4217, as the depot counts them; a browser's own list differs for a few. */
export function digitsOf(currency: string): number {
  return NONE.includes(currency) ? 0 : THREE.includes(currency) ? 3 : FOUR.includes(currency) ? 4 : 2
}

/** An amount to be read. */
export function money({ amount_minor, currency }: Money): string {
  const digits = digitsOf(currency)
  try {
    const format = new Intl.NumberFormat(undefined, { style: 'currency', currency, minimumFractionDigits: digits, maximumFractionDigits: digits })
    return format.format(amount_minor / 10 ** digits)
  } catch {
    return `${(amount_minor / 10 ** digits).toFixed(digits)} ${currency}`
  }
}

/** An amount by which something changes: with its sign, also when it is more. */
export function difference(amount: Money): string {
  return amount.amount_minor > 0 ? `+${money(amount)}` : money(amount)
}

/** So many minor units as a field holds them: 1205 of EUR is `12.05`, nothing is empty. */
export function major(minor: number | null | undefined, currency: string): string {
  return minor === null || minor === undefined ? '' : shifted(minor, digitsOf(currency))
}

/** The minor units that a field holds; null: it is empty or no amount of this currency. */
export function minor(text: string, currency: string): number | null {
  return whole(text, digitsOf(currency))
}

/** Basis points as a field holds them, in percent: 1250 is `12.5`. */
export function percentText(basisPoints: number | null | undefined): string {
  return basisPoints === null || basisPoints === undefined ? '' : trimmed(shifted(basisPoints, 2))
}

/** The basis points of a percentage that a field holds; null: there is none. */
export function basisPoints(text: string): number | null {
  return whole(text, 2)
}

/** Thousandths as a field holds them: 1500 is `1.5`. */
export function factorText(perMille: number | null | undefined): string {
  return perMille === null || perMille === undefined ? '' : trimmed(shifted(perMille, 3))
}

/** The thousandths of a factor that a field holds; null: there is none. */
export function perMille(text: string): number | null {
  return whole(text, 3)
}

function shifted(units: number, digits: number): string {
  const text = String(Math.abs(units)).padStart(digits + 1, '0')
  const at = text.length - digits
  return `${units < 0 ? '-' : ''}${text.slice(0, at)}${digits > 0 ? `.${text.slice(at)}` : ''}`
}

const trimmed = (text: string) => (text.includes('.') ? text.replace(/\.?0+$/, '') : text)

/** Exactly, without a way through fractions: `12.05` with two digits is 1205. A comma may stand for the point. */
function whole(text: string, digits: number): number | null {
  const [, before = '', after = ''] = /^(\d+)(?:[.,](\d*))?$/.exec(text.trim()) ?? []
  const kept = after.replace(/0+$/, '')
  if (before === '' || kept.length > digits) return null
  const units = Number(before + kept.padEnd(digits, '0'))
  return Number.isSafeInteger(units) ? units : null
}
