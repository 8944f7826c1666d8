# What each mechanism cost, year by year, with the range in which the truth lies.
# Needs jsonlite and httr2; PORTAL and TOKEN come from the environment.
library(httr2)
library(jsonlite)

answer <- request(Sys.getenv("PORTAL")) |>
  req_url_path("/api/v1/resources/") |>
  req_url_query(by = "iscm,year", year = "2014..2019") |>
  req_auth_bearer_token(Sys.getenv("TOKEN")) |>
  req_perform()

# Amounts come as text, so that nothing rounds them on the way.
rows <- fromJSON(resp_body_string(answer))$rows
amounts <- c("known_usd", "low_usd", "high_usd")
rows[amounts] <- lapply(rows[amounts], as.numeric)
print(rows[order(-rows$known_usd), c("label", "year", amounts)])
