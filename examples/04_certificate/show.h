// # The certificate in the terminal
#pragma once

#include <span>
#include <string>

#include "examples/04_certificate/enclose.h"

namespace certificate {

// The words that the terminal and the page share.
std::string commas(Index n);                            // 246,080
std::string counted(Index n, const std::string& noun);  // "1 entry", "2 entries"
std::string digits_text(const Interval& x);      // 1.25…e-3: the digits that both ends have
std::string size_text(double x);                 // 3e-22: one digit is enough for a bound
std::string verdict_text(const Result& result);  // "enclosed, if the VJPs are right: …"
std::string model_text(const Result& result);    // what the model is
std::string batch_text(const Question& question);

// One state: its verdict, the digits as a histogram and for each parameter, the checks.
void show(const Result& result);

// The states against each other; nothing if there is only one.
void show_change(std::span<const Result> results);

}  // namespace certificate
