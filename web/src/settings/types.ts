/** Where a value is from when nothing lies over what depotd was started with. */
export type BaseOrigin = 'default' | 'file' | 'env' | 'flag'
export interface Setting {
  key: string
  about: string
  /** May it change while depotd runs? */
  live: boolean
  value: unknown
  origin: BaseOrigin | 'head_office' | 'override'
  base_value: unknown
  base_origin: BaseOrigin
  from_above?: { value: unknown; cmd_id: string; at: string; set_aside?: string[] }
  override?: { value: unknown; until: string; actor: string; reason: string; at: string; set_aside?: string[] }
}
