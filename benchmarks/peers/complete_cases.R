# Complete cases of the bundled table, and the table that every program in R prints.
cases <- read.csv("data/alk_crizotinib/cases.csv", na.strings = c("", "NA"))
cases <- cases[!is.na(cases$best_response) & !is.na(cases$age), ]
cases$response <- as.integer(cases$best_response %in% c("PR", "CR"))
cases$age <- (cases$age - 18) / 10

# draws: a matrix of probabilities, a column for every patient
print_by_histology <- function(draws) {
  means <- sapply(split(seq_len(nrow(cases)), cases$histology), function(rows) rowMeans(draws[, rows, drop = FALSE]))
  print(t(apply(means, 2, function(p) c(mean = mean(p), sd = sd(p), quantile(p, c(0.025, 0.5, 0.975))))))
}
