// Made from the Rust types by tests/types.rs; not written by hand.

/** What a call answers: what it came to, or everything that is wrong. */
export type Answer<T> = { ok: T } | { refused: RefusalRecord[] };

/** A refund, or a sale undone, with how it is given back. */
export interface Refunded {
  sale: ComputedSale;
  settlement: Settlement;
}

/** A completed sale and what came back of it before. */
export interface WholeReceipt {
  sale: SaleCompleted;
  returned?: SaleCompleted[];
}

export type Amount = string;

/** A promotion in a sale. */
export interface AppliedPromotion {
  /** What it took off the lines, in all. */
  amount: Amount;
  /** Its name, as it was. */
  name: string;
  /** The promotion. */
  promotion_id: PromotionId;
  /** How often it was earned. */
  times: number;
}

/** Something taken off a line. */
export type AppliedReduction = {
  /** What it came to. */
  amount: Amount;
  kind: "percent";
  /** How much. */
  percent: Percent;
  /** Why. */
  reason: string;
} | {
  /** How much. */
  amount: Amount;
  kind: "amount";
  /** Why. */
  reason: string;
} | {
  /** The share. */
  amount: Amount;
  kind: "promotion";
  /** Its name, as it was. */
  name: string;
  /** The promotion. */
  promotion_id: PromotionId;
} | {
  /** The share. */
  amount: Amount;
  kind: "sale";
  /** Why. */
  reason: string;
} | {
  /** The share. */
  amount: Amount;
  kind: "refund";
};

/** What a label bears. */
export type Bears = "price" | "weight";

/** Part of a bundle. */
export interface BundlePart {
  /** Which goods. */
  of: Selection;
  /** How many of them. */
  quantity: number;
}

/** What is being rung up, before it is a sale. */
export interface Cart {
  /** The coupon codes that were shown. */
  coupons?: string[];
  customer?: Customer | null;
  /** What else is known of the sale, by name: what conditions of rules and promotions ask for. */
  facts?: Record<string, string>;
  /** What is bought, at least one line. */
  lines: CartLine[];
  reduction?: Reduction | null;
}

/** One line of a cart. */
export interface CartLine {
  /** The line. */
  id: SaleLineId;
  label_amount?: Amount | null;
  /**
   * How much of it, in the product's unit; above zero, but for deposits that come back and single-purpose cards that
   * are used up. Zero for a label that bears a price: it is derived.
   */
  quantity?: Quantity;
  reduction?: Reduction | null;
  sales_rep_id?: SalesRepId | null;
  /** The code that was scanned, where the line keeps it. */
  scanned_code?: string | null;
  unit_price?: UnitPrice | null;
  /** Why it was overridden. */
  unit_price_reason?: string;
  /** What is bought. */
  variant_id: VariantId;
}

/** The goods that a cart may hold, and the rules about them. More than the cart needs does no harm. */
export interface Catalogue {
  /** Variants with all that a line keeps of them. */
  items: Record<string, Item>;
  /** What kits are made of; a kit takes its parts' stock. */
  kits?: Record<string, KitPart[]>;
  /** Standing price rules. */
  price_rules?: PriceRule[];
  /** Promotions, those that are not on too. */
  promotions?: Promotion[];
  /** Whether tips are taken; off unless the chain says otherwise. */
  takes_tips?: boolean;
  /** The tax groups that the items name. */
  tax_groups: Record<string, TaxGroup>;
  /** The taxes that the tax groups name. */
  taxes: TaxRecord[];
}

/** A cart with every amount. */
export interface ComputedSale {
  /** Whether the search for the best combination of promotions was cut short by its bound. */
  bound_was_hit?: boolean;
  /** What became of each promotion of the catalogue, and why. */
  considered?: ConsideredPromotion[];
  /** The currency of every amount in it. */
  currency: Currency;
  /** The number of the certificate by which the customer is spared a tax here; none: they are spared none. */
  exemption_certificate?: string | null;
  /** What stock the kits among the lines take: their parts'. */
  kit_parts?: PartTaken[];
  /** The lines, in the order of the cart. */
  lines: SoldLine[];
  /** Sum of the lines' net. */
  net: Amount;
  /** The promotions that took something off. */
  promotions: AppliedPromotion[];
  /** Sum of the lines' tax. */
  tax: Amount;
  /** Each tax: the sums of the lines'. */
  taxes: DocumentTax[];
  /** What is owed: net + tax. */
  total: Amount;
  /** Lines that come back and do not go to saleable stock. */
  unstocked?: SaleLineId[];
}

/**
 * Something that must be so.
 *
 * The facts `quantity` (of the goods in question), `date`, `time`, `weekday` (1 is Monday), `customer`,
 * `customer_group` and `store` are known to the engine; any other name is looked up among the facts that came with
 * the sale. A condition on what is not known does not hold, whatever its operator. Two numbers compare as numbers,
 * anything else as text, which is right for dates and times as ISO 8601 writes them.
 */
export interface Condition {
  /** What is looked at. */
  fact: string;
  /** How. */
  operator: Operator;
  /** With what. */
  value: Operand;
}

/** What became of a promotion. */
export interface ConsideredPromotion {
  /** What became of it. */
  outcome: Outcome;
  /** The promotion. */
  promotion_id: PromotionId;
}

export type Currency = string;

/** Who buys. */
export interface Customer {
  exemption?: Exemption | null;
  /** The group that promotions know them by. */
  group?: string | null;
  /** The customer. */
  id: CustomerId;
  price_level_id?: PriceLevelId | null;
  /** How often they have had each promotion before. */
  promotion_uses?: Record<string, number>;
}

export type CustomerId = string;

export type DepartmentId = string;

/** A tax of a document. */
export interface DocumentTax {
  /** The sum of its amounts. */
  amount: Amount;
  /** The sum of its bases. */
  base: Amount;
  /** Its code, as it was. */
  code: string;
  /** How it was computed. */
  kind?: TaxKind;
  /** Its name, as it was. */
  name: string;
  /** Whether prices had it inside. */
  price_included: boolean;
  /** Its rate, as it was: percent, or an amount per unit where it is fixed. */
  rate: string;
  /** The tax. */
  tax_id: TaxId;
}

/** What is taken off. */
export type Effect = {
  /** A part of the price. */
  percent: Percent;
} | {
  /** An amount; never more than the price. */
  amount: Amount;
} | {
  /** All above this price. */
  price: Amount;
};

/** Why somebody who buys bears no tax, or not all of it. */
export interface Exemption {
  /** The number of the certificate; without one nothing is spared. */
  certificate: string;
  /** The last day that it holds, in the store's zone; none: until revoked. */
  expires_on?: string | null;
  /**
   * The taxes that it is for, as they are called where the sale happens; none: all that are a part of the price. Fixed
   * amounts (deposits, eco-fees) are spared only where they are named: they are paid for the thing, not by the person.
   */
  taxes?: TaxId[] | null;
}

/** What is taken off a group of units. */
export type GroupEffect = {
  /** A part of the group's price. */
  percent: Percent;
} | {
  /** An amount off the group. */
  amount: Amount;
} | {
  /** The group costs this ("3 for 10.00"). */
  price: Amount;
} | {
  /** So many of the group are free, the cheapest ("3 for 2"). */
  cheapest_free: number;
};

/** A variant with what its product and department say about it. */
export interface Item {
  /** No longer sold. */
  archived: boolean;
  /** The department that it hangs in. */
  department_id: DepartmentId;
  /** That department's name. */
  department_name: string;
  /** That department and those above it. */
  departments?: DepartmentId[];
  /** Whether promotions and reductions may touch it. */
  discountable: boolean;
  /** What a line of it is about. */
  kind?: LineKind;
  /** The product's name, the variant's behind it. */
  name: string;
  open_price?: OpenPrice | null;
  /** Its prices; those of other stores, levels and times do no harm. */
  prices: PriceRecord[];
  /** Its product. */
  product_id: ProductId;
  /** How many decimals a quantity may have, 0 to 3. */
  quantity_decimals: number;
  /** Its SKU. */
  sku: string;
  tax_group_id?: TaxGroupId | null;
  /** What a quantity of one is. */
  unit: string;
  /** The variant. */
  variant_id: VariantId;
}

/** A part of a kit. */
export interface KitPart {
  /** How many of it in one kit. */
  quantity: Quantity;
  /** What; it may be a kit itself. */
  variant_id: VariantId;
}

/** The stock of a part that a kit's line took. */
export interface KitPartSold {
  /** The kit's line. */
  line_id: SaleLineId;
  movement_id?: MovementId | null;
  /** How much of it; negative where the kit comes back. */
  quantity: Quantity;
  /** The part. */
  variant_id: VariantId;
}

/** What a person may take off by hand. */
export interface Limits {
  max_reduction_percent?: Percent | null;
  /** Whether they may key another price. */
  may_override_price: boolean;
  /** Whether they may take off anything. */
  may_reduce: boolean;
}

/**
 * What a line is about. Goods and single-purpose cards are sales; the rest is held for somebody else,
 * or owed again later.
 */
export type LineKind = "goods" | "deposit" | "gift_card" | "single_purpose_card" | "tip";

/** A tax of a line. */
export interface LineTax {
  /** What it came to. */
  amount: Amount;
  /** What it was computed on. */
  base: Amount;
  /** Its code, as it was. */
  code: string;
  /** How it was computed. */
  kind?: TaxKind;
  /** Its name, as it was. */
  name: string;
  /** Whether the price had it inside. */
  price_included: boolean;
  /** Its rate, as it was: percent, or an amount per unit where it is fixed. */
  rate: string;
  /** The tax. */
  tax_id: TaxId;
}

export type MovementId = string;

/**
 * What a promotion offers. Counted offers (all but `Each` and `Threshold`) count whole units; goods by weight take no
 * part in them.
 */
export type Offer = {
  /** What is taken off each unit. */
  effect: Effect;
  kind: "each";
  /** Which goods. */
  of: Selection;
} | {
  /** Whether what is got may be dearer than what was bought. */
  any_value?: boolean;
  /** What must be bought. */
  buy: Selection;
  /** How many of it. */
  buy_quantity: number;
  /** What is taken off each unit that is got; 100 % is free. */
  effect: Effect;
  /** What is got. */
  get: Selection;
  /** How many of it. */
  get_quantity: number;
  kind: "buy_get";
} | {
  /** What is taken off them together. */
  effect: GroupEffect;
  kind: "mix_and_match";
  /** The range. */
  of: Selection;
  /** How many of it. */
  quantity: number;
} | {
  /** What is taken off all of it. */
  effect: Effect;
  kind: "bundle";
  /** What belongs to it. */
  parts: BundlePart[];
} | {
  /** For how much at least, after the promotions of higher classes. */
  at_least: Amount;
  /** A percentage of those goods, or an amount once. */
  effect: Effect;
  kind: "threshold";
  /** Of what. */
  of: Selection;
};

/** Between what the price of an open-price product is keyed. */
export interface OpenPrice {
  max?: UnitPrice | null;
  min?: UnitPrice | null;
}

/** What a fact is compared with. */
export type Operand = string | string[];

/** How a fact is compared. */
export type Operator = "EQ" | "NE" | "GT" | "GTE" | "LT" | "LTE" | "IN" | "NIN";

/** What became of a promotion, and why. */
export type Outcome = "earned" | "not_yet" | "over" | "other_day" | "other_hour" | "other_store" | "other_customers" | "customer_unknown" | "limit_reached" | "no_coupon" | "condition_fails" | "nothing_selected" | "too_little" | "not_the_best" | "invalid";

/** What a line takes of the stock of a part. */
export interface PartTaken {
  /** The kit's line. */
  line_id: SaleLineId;
  /** How much of it; negative where the kit comes back. */
  quantity: Quantity;
  /** The part. */
  variant_id: VariantId;
}

/** One use of a tender. */
export interface Payment {
  /** Handed over. */
  amount: Amount;
  /** Given back of it. */
  change: Amount;
  /** The payment. */
  id: PaymentId;
  /** What the customer's card or voucher says, never a card number. */
  reference?: string | null;
  refunds?: PaymentId | null;
  /** Its code, as it was. */
  tender_code: string;
  /** The tender. */
  tender_id: TenderId;
  /** What it is. */
  tender_kind: TenderKind;
  /** Its name, as it was. */
  tender_name: string;
}

export type PaymentId = string;

export type Percent = string;

/** What codes with a prefix bear. */
export interface PrefixRule {
  /** What is embedded. */
  bears: Bears;
  /** How many digits the item has. */
  item_digits: number;
  /** The first digits of the 13: `21`, `02`. */
  prefix: string;
  /** Whether a digit before the value proves it (values of 4 and 5 digits). */
  value_check_digit?: boolean;
  /** How many of those stand behind the point. */
  value_decimals: number;
  /** How many digits the value has. */
  value_digits: number;
}

export type PriceId = string;

/** What a price is for. */
export type PriceKind = "regular" | "sale" | "break";

export type PriceLevelId = string;

/** Why a line's unit price is what it is. */
export type PriceReason = {
  kind: "listed";
  /** The price. */
  price_id: PriceId;
  /** What it was for. */
  price_kind: PriceKind;
  /** Its reason, in HQ's words. */
  reason: string;
} | {
  /** The price that it replaced. */
  instead_of: UnitPrice;
  kind: "override";
  /** Why. */
  reason: string;
} | {
  /** What one would have cost without rules. */
  instead_of: UnitPrice;
  kind: "rule";
  /** Its name, as it was. */
  name: string;
  /** The rule. */
  rule_id: string;
} | {
  kind: "label";
} | {
  kind: "keyed";
} | {
  kind: "refund";
};

/** An amount for a variant, for a time. */
export interface PriceRecord {
  /** The price of one unit, in the store's currency, tax included where its taxes are. */
  amount: UnitPrice;
  /** The price. */
  id: PriceId;
  /** What it is for. */
  kind: PriceKind;
  /** From which quantity of the variant on; zero but for breaks. */
  min_quantity: Quantity;
  price_level_id?: PriceLevelId | null;
  /** Why it is so. */
  reason: string;
  store_id?: StoreId | null;
  /** Since when (none: always was), in the store's time zone. */
  valid_from?: string | null;
  /** Until when, not included (none: until further notice), in the store's time zone. */
  valid_until?: string | null;
  /** What it is the price of. */
  variant_id: VariantId;
}

/** A standing rule about the price of one unit; applied after sale prices and quantity breaks, before promotions. */
export interface PriceRule {
  /** What must be so, all of it. */
  conditions?: Condition[];
  /** What it does to the price. */
  effect: RuleEffect;
  /** The rule. */
  id: string;
  /** Its name; the line says it. */
  name: string;
  /** What it is about. */
  of: Selection;
  /** The rules of one cart are applied in this order, lowest first, then by id. */
  sequence: number;
}

export type ProductId = string;

/** A dated rule over a cart. */
export interface Promotion {
  /** Whether its goods take no other promotion; else promotions of other classes may come on top. */
  exclusive?: boolean;
  /** The promotion. */
  id: PromotionId;
  /** How often one customer may earn it in all; such a promotion needs a known customer. */
  limit_per_customer?: number | null;
  /** How often it may be earned in one sale; none: as often as it is. */
  limit_per_sale?: number | null;
  /** Its name, on receipts. */
  name: string;
  /** What is offered. */
  offer: Offer;
  /** Promotions of one priority are a class; higher classes are settled first. */
  priority?: number;
  /** When, where and for whom. */
  when: When;
}

export type PromotionId = string;

export type Quantity = string;

/** What a person takes off by hand: a percentage or an amount, one of the two. */
export interface Reduction {
  amount?: Amount | null;
  percent?: Percent | null;
  /** Why. */
  reason: string;
}

/** A line that comes back. */
export interface RefundAsked {
  /** The new line. */
  id: SaleLineId;
  /** The line of the receipt. */
  line_id: SaleLineId;
  /** How much of it; above zero. */
  quantity: Quantity;
  /** Where the goods go. */
  stock?: StockReturn;
}

/** The line of an earlier sale that a line gives back. */
export interface RefundedLine {
  /** Its line. */
  line_id: SaleLineId;
  /** The earlier sale. */
  sale_id: SaleId;
}

/** A refusal as problem+json's `errors` has it. */
export interface RefusalRecord {
  /** What, for programs. */
  code: string;
  /** What, for people, in English. */
  detail: string;
  /** Where. */
  pointer: string;
}

export type RegisterId = string;

export type RegisterSessionId = string;

/**
 * Which way a value between two that can be written goes.
 *
 * Every mode mirrors: what is done to −x is the negative of what is done to x, so a refund gives back
 * exactly what the sale took.
 */
export type Rounding = "half_up" | "half_even" | "down" | "up";

/** What a price rule does to the price of one unit. */
export type RuleEffect = {
  /** This is the price. */
  override: UnitPrice;
} | {
  /** So much less, in percent of the price. */
  discount: Percent;
} | {
  /** So much more, in percent of the price. */
  markup: Percent;
};

/** Where and when a cart is computed, and what the person at the till may. */
export interface Rules {
  /** The moment, in the store's time zone. */
  at: string;
  /** The currency of its till. */
  currency: Currency;
  /** What the person may take off. */
  limits: Limits;
  price_level_id?: PriceLevelId | null;
  /** How extensions and tax are rounded there. */
  rounding_mode: Rounding;
  /** The store. */
  store_id: StoreId;
  /** Where its tax is rounded. */
  tax_rounding: TaxRounding;
}

/** A completed sale. */
export interface SaleCompleted {
  /** The session's business date. */
  business_date: string;
  /** Who rang it up. */
  cashier_id: UserId;
  /** Their name, as it was. */
  cashier_name: string;
  /** Given back in all. */
  change: Amount;
  /** When. */
  completed_at: string;
  /** The currency of every amount in it. */
  currency: Currency;
  customer_id?: CustomerId | null;
  /** The number of the certificate by which the customer was spared a tax; none: they were spared none. */
  exemption_certificate?: string | null;
  /** The checkpoint that it was computed at. */
  feed_position: number;
  /** The sale. */
  id: SaleId;
  /** What stock the kits among the lines took: a kit takes its parts', not its own. */
  kit_parts?: KitPartSold[];
  /** What was sold, at least one line. */
  lines: SoldLine[];
  /** The hour of that in the store's zone, 0 to 23. */
  local_hour: number;
  /** Sum of the lines' net. */
  net: Amount;
  /** The number in the series, from 1, without gaps. */
  number: number;
  /** What was handed over. */
  payments: Payment[];
  /** The promotions that took something off, and why. */
  promotions?: AppliedPromotion[];
  /** What people see: `ST01-R02-000123`. */
  receipt_number: string;
  /** Its code, as it was. */
  register_code: string;
  /** The register. */
  register_id: RegisterId;
  /** The session that it happened in. */
  register_session_id: RegisterSessionId;
  /** Rounding of cash: paid − change = total + rounding. */
  rounding: Amount;
  /** The receipt series. */
  series: string;
  /** Sum of the lines' tax. */
  tax: Amount;
  /** Each tax of the document: the sums of the lines'. */
  taxes: DocumentTax[];
  /** What was owed: net + tax. */
  total: Amount;
  voids?: SaleId | null;
}

export type SaleId = string;

export type SaleLineId = string;

export type SalesRepId = string;

/** What was scanned. */
export type Scanned = {
  /** The code. */
  code: string;
  kind: "code";
} | {
  /** What is owed. */
  amount: Amount;
  /** The item's digits, prefix before them, zeros behind: what the variant's barcode is recorded as. */
  item: string;
  kind: "price";
} | {
  /** The item's digits, likewise. */
  item: string;
  kind: "weight";
  /** How much. */
  quantity: Quantity;
};

/** Which goods. */
export interface Selection {
  /** These departments, with those below them. */
  departments?: DepartmentId[];
  /** All that take promotions. */
  everything?: boolean;
  /** But not these products. */
  except?: ProductId[];
  /** These products, all their variants. */
  products?: ProductId[];
  /** These variants. */
  variants?: VariantId[];
}

/** The payments of a sale with what was given back of each. */
export interface Settlement {
  /** Given back in all. */
  change: Amount;
  /** The payments, in their order. */
  payments: Payment[];
  /** Rounding of cash: paid − change = total + rounding. */
  rounding: Amount;
}

/** One line of a sale. */
export interface SoldLine {
  /** Its department. */
  department_id: DepartmentId;
  /** The department's name, as it was. */
  department_name: string;
  /** With tax. */
  gross: Amount;
  /** The line. */
  id: SaleLineId;
  label_amount?: Amount | null;
  /** What the line is about. */
  line_kind?: LineKind;
  movement_id?: MovementId | null;
  /** Its name, as it was, the variant's behind the product's. */
  name: string;
  /** Without tax. */
  net: Amount;
  /** Why that price. */
  price_reason: PriceReason;
  /** Its product. */
  product_id: ProductId;
  /** How many. */
  quantity: Quantity;
  /** The sum of those, in label prices (tax included where the price has it inside). */
  reduction: Amount;
  /** What was taken off, in order. */
  reductions: AppliedReduction[];
  refunds?: RefundedLine | null;
  /** The usual price of one. */
  regular_unit_price: UnitPrice;
  sales_rep_id?: SalesRepId | null;
  /** The code that was scanned, where the line is not told by it alone (unknown codes, labels). */
  scanned_code?: string | null;
  /** Its SKU, as it was. */
  sku: string;
  /** Tax. */
  tax: Amount;
  /** Tax inside the price that an exempt customer does not pay: what the price says is net + included taxes + this. */
  tax_relief?: Amount;
  /** Each tax of the line. */
  taxes: LineTax[];
  /** Of what unit. */
  unit: string;
  /** The price of one after price rules, before reductions. */
  unit_price: UnitPrice;
  /** What. */
  variant_id: VariantId;
}

/** Where goods go that come back. */
export type StockReturn = "saleable" | "damaged" | "none";

export type StoreId = string;

/** A set of taxes. */
export interface TaxGroup {
  /** Its short code; ties of shared cents go by it. */
  code: string;
  /** Its taxes. */
  tax_ids: TaxId[];
}

export type TaxGroupId = string;

export type TaxId = string;

/** How a tax is computed. */
export type TaxKind = "percent" | "fixed" | "division";

/** One levy. */
export interface TaxRecord {
  /** Its short code, on receipts. */
  code: string;
  exempt_below?: UnitPrice | null;
  /** The tax. */
  id: TaxId;
  /** Whether later taxes are computed on base plus this tax. */
  include_base_amount: boolean;
  /** Whether this tax listens to earlier ones that say so. */
  is_base_affected: boolean;
  /** How it is computed. */
  kind: TaxKind;
  /** Its name. */
  name: string;
  part_above?: UnitPrice | null;
  part_up_to?: UnitPrice | null;
  /** Whether prices have it inside. */
  price_included: boolean;
  /** Percent (21 is 21 %, to 4 decimals), or an amount per unit (to 6 decimals) for a fixed tax. */
  rate: string;
  /** Its place in the order. */
  sequence: number;
  /** The first day. */
  valid_from?: string | null;
  /** The day after the last. */
  valid_until?: string | null;
}

/** Where tax is rounded. */
export type TaxRounding = "per_line" | "per_document";

export type TenderId = string;

/** What a tender is. */
export type TenderKind = "cash" | "card_terminal" | "card_standalone" | "gift_card" | "store_credit" | "on_account" | "foreign_cash" | "other";

/** A way of paying. */
export interface TenderRecord {
  /** Whether change is given on it. */
  allows_change: boolean;
  /** No longer taken. */
  archived: boolean;
  cash_rounding?: Amount | null;
  /** Its short code: `cash`, `card`. */
  code: string;
  /** The tender. */
  id: TenderId;
  /** What it is. */
  kind: TenderKind;
  /** Its name. */
  name: string;
  /** Its place on the screen. */
  position: number;
}

/** What somebody hands over. */
export interface Tendered {
  /** Handed over. */
  amount: Amount;
  /** The payment. */
  id: PaymentId;
  /** What the customer's card or voucher says, never a card number. */
  reference?: string | null;
  /** The tender. */
  tender_id: TenderId;
}

export type UnitPrice = string;

export type UserId = string;

export type VariantId = string;

/** When, where and for whom a promotion is. */
export interface When {
  /** What else must be so, all of it. */
  conditions?: Condition[];
  /** The coupon that must be shown; none: no coupon. */
  coupon?: string | null;
  /** The customer groups; none: everybody. */
  customer_groups?: string[] | null;
  /** Since when, in the store's time zone. */
  from: string;
  /** From and until which time of day, the end not included; over midnight where the end is earlier. */
  hours?: string[] | null;
  /** The stores; none: every store. */
  stores?: StoreId[] | null;
  /** Until when, not included. A promotion without an end is refused. */
  until?: string | null;
  /** The days of the week, 1 (Monday) to 7; none: every day. */
  weekdays?: number[] | null;
}
