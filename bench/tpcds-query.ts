/**
 * A query in the shape of TPC-DS's largest (q64): two channels of sales joined with their returns, customers, demographics,
 * addresses and dates, grouped, then joined with itself; written for this benchmark.
 */

const TABLES: Readonly<Record<string, string>> = {
  store_sales:
    "item_sk customer_sk store_sk promo_sk cdemo_sk hdemo_sk addr_sk sold_date_sk ticket wholesale list_price coupon",
  store_returns: "item_sk ticket returned_date_sk",
  catalog_sales: "item_sk order_number list_price",
  catalog_returns: "item_sk order_number refunded reversed credit",
  date_dim: "date_sk year_no month_no",
  store: "store_sk store_name zip",
  customer: "customer_sk cdemo_sk hdemo_sk addr_sk first_sales_sk first_shipto_sk",
  customer_demographics: "demo_sk marital",
  promotion: "promo_sk cost",
  household_demographics: "demo_sk income_sk",
  customer_address: "address_sk street_no street city zip",
  income_band: "income_sk lower_bound upper_bound",
  item: "item_sk product color price",
};

const NUMBERS = /^(wholesale|list_price|coupon|refunded|reversed|credit|cost|price)$/;
const TEXTS = /^(store_name|zip|marital|street_no|street|city|product|color)$/;

export const TPCDS_TABLES = Object.entries(TABLES)
  .map(([name, columns]) => {
    const list = columns.split(" ").map((column) => `${column} ${typeOf(column)}`);
    return `CREATE TABLE ${name} (${list.join(", ")}) WITH ('connector' = 'filesystem', 'path' = '/tmp', 'format' = 'csv');`;
  })
  .join("\n");

function typeOf(column: string): string {
  if (NUMBERS.test(column)) return "DECIMAL(7, 2)";
  return TEXTS.test(column) ? "STRING" : "BIGINT";
}

export const TPCDS_QUERY = `
WITH cs_ui AS (
  SELECT cs.item_sk, SUM(cs.list_price) AS sale, SUM(cr.refunded + cr.reversed + cr.credit) AS refund
  FROM catalog_sales cs, catalog_returns cr
  WHERE cs.item_sk = cr.item_sk AND cs.order_number = cr.order_number
  GROUP BY cs.item_sk
  HAVING SUM(cs.list_price) > 2 * SUM(cr.refunded + cr.reversed + cr.credit)
), cross_sales AS (
  SELECT i.product, i.item_sk, s.store_name, s.zip AS store_zip,
    ad1.street_no AS b_street_no, ad1.street AS b_street, ad1.city AS b_city, ad1.zip AS b_zip,
    ad2.street_no AS c_street_no, ad2.street AS c_street, ad2.city AS c_city, ad2.zip AS c_zip,
    d1.year_no AS syear, d2.year_no AS fsyear, d3.year_no AS s2year, COUNT(*) AS cnt,
    SUM(ss.wholesale) AS s1, SUM(ss.list_price) AS s2, SUM(ss.coupon) AS s3
  FROM store_sales ss, store_returns sr, cs_ui, date_dim d1, date_dim d2, date_dim d3, store s, customer c,
    customer_demographics cd1, customer_demographics cd2, promotion p, household_demographics hd1,
    household_demographics hd2, customer_address ad1, customer_address ad2, income_band ib1, income_band ib2, item i
  WHERE ss.store_sk = s.store_sk AND ss.sold_date_sk = d1.date_sk AND ss.customer_sk = c.customer_sk
    AND ss.cdemo_sk = cd1.demo_sk AND ss.hdemo_sk = hd1.demo_sk AND ss.addr_sk = ad1.address_sk
    AND ss.item_sk = i.item_sk AND ss.item_sk = sr.item_sk AND ss.ticket = sr.ticket
    AND ss.item_sk = cs_ui.item_sk AND c.cdemo_sk = cd2.demo_sk AND c.hdemo_sk = hd2.demo_sk
    AND c.addr_sk = ad2.address_sk AND c.first_sales_sk = d2.date_sk AND c.first_shipto_sk = d3.date_sk
    AND ss.promo_sk = p.promo_sk AND hd1.income_sk = ib1.income_sk AND hd2.income_sk = ib2.income_sk
    AND cd1.marital <> cd2.marital
    AND i.color IN ('purple', 'burlywood', 'indian', 'spring', 'floral', 'medium')
    AND i.price BETWEEN 64 AND 64 + 10 AND i.price BETWEEN 64 + 1 AND 64 + 15
  GROUP BY i.product, i.item_sk, s.store_name, s.zip, ad1.street_no, ad1.street, ad1.city, ad1.zip,
    ad2.street_no, ad2.street, ad2.city, ad2.zip, d1.year_no, d2.year_no, d3.year_no
)
SELECT cs1.product, cs1.store_name, cs1.store_zip, cs1.b_street_no, cs1.b_street, cs1.b_city, cs1.b_zip,
  cs1.c_street_no, cs1.c_street, cs1.c_city, cs1.c_zip, cs1.syear, cs1.cnt, cs1.s1 AS s11, cs1.s2 AS s21,
  cs1.s3 AS s31, cs2.s1 AS s12, cs2.s2 AS s22, cs2.s3 AS s32, cs2.syear AS syear2, cs2.cnt AS cnt2
FROM cross_sales cs1, cross_sales cs2
WHERE cs1.item_sk = cs2.item_sk AND cs1.syear = 1999 AND cs2.syear = 2000 AND cs2.cnt <= cs1.cnt
  AND cs1.store_name = cs2.store_name AND cs1.store_zip = cs2.store_zip
ORDER BY cs1.product, cs1.store_name, cnt2, s11, s12 LIMIT 100`;
