/** The tables of Flink's MultiJoinTest, which plans.jsonl does not hold. */

const UPSERT = "'changelog-mode' = 'I,UA,D'";
const table = (name: string, columns: string, changes = UPSERT) =>
  `CREATE TABLE ${name} (${columns}) WITH ('connector' = 'values', 'bounded' = 'false', ${changes})`;
const inserts = (name: string, columns: string) => table(name, columns, "'changelog-mode' = 'I'");
const sink = (name: string, columns: string) =>
  `CREATE TABLE ${name} (${columns}) WITH ('connector' = 'values', 'sink-insert-only' = 'false')`;
const keyed = (column: string) => `${column} STRING PRIMARY KEY NOT ENFORCED`;
const nested = (name: string, second: string) => `${name} ROW<info ROW<id STRING, ${second}>>`;

export const MULTI_JOIN_TABLES: readonly string[] = [
  table("Users", `${keyed("user_id")}, name STRING, cash INT`),
  ...["Orders", "Orders2"].map((name) =>
    table(name, `${keyed("order_id")}, user_id STRING, product STRING`, "'changelog-mode' = 'I,D'"),
  ),
  inserts("Payments", `${keyed("payment_id")}, price INT, user_id STRING`),
  table("Shipments", "location STRING, user_id STRING", "'changelog-mode' = 'I,UA,UB,D'"),
  inserts(
    "Detail",
    `${keyed("detail_id")}, description STRING, user_id STRING, data STRING, \`timestamp\` BIGINT`,
  ),
  inserts("LookupTable", `${keyed("id")}, name STRING, age INT`),
  inserts("StreamTable", "user_id STRING, amount INT, proctime AS PROCTIME()"),
  inserts(
    "EventTable1",
    "id STRING, val INT, `$rowtime` TIMESTAMP(3), WATERMARK FOR `$rowtime` AS `$rowtime` - INTERVAL '5' SECOND",
  ),
  inserts(
    "EventTable2",
    "id STRING, price DOUBLE, `$rowtime` TIMESTAMP(3), WATERMARK FOR `$rowtime` AS `$rowtime` - INTERVAL '5' SECOND",
  ),
  inserts("UsersWithProctime", `${keyed("user_id")}, name STRING, proctime AS PROCTIME()`),
  inserts(
    "OrdersWithRowtime",
    `${keyed("order_id")}, user_id STRING, \`$rowtime\` TIMESTAMP(3), WATERMARK FOR \`$rowtime\` AS \`$rowtime\``,
  ),
  table("UsersPK", `${keyed("user_id")}, name STRING, region_id INT, description STRING`),
  table(
    "OrdersPK",
    "order_id STRING, user_id STRING, product STRING, PRIMARY KEY (order_id, user_id) NOT ENFORCED",
  ),
  table(
    "PaymentsPK",
    "payment_id STRING, user_id STRING, price INT, PRIMARY KEY (payment_id, user_id) NOT ENFORCED",
  ),
  table("AddressPK", `${keyed("user_id")}, location STRING`),
  table(
    "Assignments",
    `${keyed("assignment_id")}, user_id STRING, detail_id STRING, common_id STRING`,
  ),
  table("Documents", `${keyed("detail_id")}, creator_nm STRING, common_id STRING`),
  table("OrderStatus", `${keyed("status_id")}, status_name STRING, is_final BOOLEAN`),
  table("PaymentMethods", `${keyed("method_id")}, method_name STRING, processing_fee DOUBLE`),
  table(
    "OrderItems",
    `${keyed("item_id")}, order_id STRING, product_name STRING, quantity INT, unit_price DOUBLE`,
  ),
  table(
    "ProductCategories",
    `${keyed("category_id")}, category_name STRING, parent_category STRING`,
  ),
  table(
    "ProductDetails",
    `${keyed("product_id")}, product_name STRING, description STRING, created_date BIGINT, tags STRING`,
  ),
  table(
    "UserPreferences",
    `${keyed("user_id")}, preferred_category STRING, notification_level STRING`,
  ),
  table(
    "Developers",
    `${keyed("developer_id")}, ${nested("person", "name STRING, region STRING")}, experience_years INT`,
  ),
  table(
    "SupportTickets",
    `${keyed("ticket_id")}, ${nested("reporter", "priority STRING")}, issue STRING`,
  ),
  table("Feedback", `${keyed("feedback_id")}, ${nested("author", "rating INT")}, message STRING`),
  table(
    "Subscriptions",
    `${keyed("sub_id")}, ${nested("subscriber", "plan STRING")}, active BOOLEAN`,
  ),
  table("Departments", `${keyed("dept_id")}, dept_name STRING, budget DOUBLE`),
  table("Projects", `${keyed("project_id")}, project_name STRING, dept_id STRING, status STRING`),
  table(
    "Categories",
    `${keyed("category_id")}, category_name STRING, parent_category STRING, user_id STRING`,
  ),
  table(
    "Sales",
    `${keyed("sale_id")}, user_id STRING, product_id STRING, amount DOUBLE, sale_date DATE`,
  ),
  sink(
    "sink_two_way",
    "user_id STRING, order_id STRING, product STRING, user_region_id INT, PRIMARY KEY (user_id, order_id) NOT ENFORCED",
  ),
  sink(
    "sink_four_way",
    "user_id STRING, order_id STRING, user_id1 STRING, payment_id STRING, user_id2 STRING, name STRING, location STRING, PRIMARY KEY (user_id, order_id, user_id1, payment_id, user_id2) NOT ENFORCED",
  ),
  sink(
    "UnnestSink",
    "detail_id STRING, element_data STRING, data_value_id INT, user_id STRING, order_id STRING",
  ),
];
